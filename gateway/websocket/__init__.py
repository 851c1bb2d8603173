"""Carries websockets: one connection of a client is one exchange, decided about at its handshake.

front       whether there is anything at this path, and room for one more
passage     the exchange: decided, opened at the upstream, relayed, recorded once
credential  the key that a browser hides among the subprotocols
dial        the way to the upstream
relay       messages in both directions, until one side ends
link        an open connection to either side, and how it ended
offer       what is asked of the client's side before it is answered
"""
