"""Experiments' data between the cache and the DVC remotes: the sequence that helper, hook and command line share."""

from dvcexp.sync.fetch import IncompleteFetch, fetch, incomplete
from dvcexp.sync.push import push

__all__ = ["IncompleteFetch", "fetch", "incomplete", "push"]
