"""DVC's formats, read and written without DVC."""
