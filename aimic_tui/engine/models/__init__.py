"""Networks: which there are, how one is built, where its first weights come from."""
