"""The kit that proves a plugin: what every plugin owes, asked of one of them. `zhixing plugin prove` and our tests run it."""

from core.kit import declaring, keeping, seeing, switching, watching
from core.kit.examples import example, silent, speaks

# In the order in which they are told; the last takes all tables away and makes them anew.
PROMISES = (*declaring.ALL, *watching.ALL, *seeing.ALL, *switching.ALL, *keeping.ALL)

__all__ = ["PROMISES", "example", "silent", "speaks"]
