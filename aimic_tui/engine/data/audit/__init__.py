"""What is wrong with the images of a data set, found before a network is trained on it."""
