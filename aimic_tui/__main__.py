"""`python -m aimic_tui` is the command `aimic`."""

from aimic_tui.start import main

if __name__ == "__main__":
    main()
