"""
Frameworks and clients, one module each; import the one that you use.

- A request or task has a context of its own, with its ids, from start to end.
- The ids come in, go back to the caller, and go out with what is called.
- One event tells how it ended; an unhandled exception is in that event only.
- What the framework does, it still does: exceptions go on to it, its handlers
  stay, a socket of another protocol passes through.
- A module imports its framework; the package that is missing is named then.
"""
