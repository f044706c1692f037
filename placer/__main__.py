"""``python -m placer`` is the ``placer`` command."""

from placer.cli import main

if __name__ == "__main__":
    main()
