"""``python -m fpframe``."""

from fpframe.cli import main

if __name__ == "__main__":
    main()
