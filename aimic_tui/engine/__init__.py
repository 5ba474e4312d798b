"""The engine: everything that reads images, trains, judges and predicts. It knows no screen."""
