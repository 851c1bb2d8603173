"""The processes of `lukhas serve`: a supervisor, gateway workers, one office, and perhaps a simulator.

The supervisor listens and watches; it answers no request. A child is told what to do over its standard input, whose
end says that the supervisor is gone; it tells over a pipe of its own that it is ready, that it lives, or what is wrong.
"""
