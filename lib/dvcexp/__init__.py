"""DVC experiments over plain Git: `git push` and `git fetch` move the ref and the data together."""

__version__ = "0.1.0"
