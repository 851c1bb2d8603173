"""Carries websockets: one connection of a client is one exchange, and each request that is made over it another.

front         whether there is anything at this path, and room for one more
passage       the exchange of the connection: decided, opened at the upstream, relayed, recorded once
credential    the key that a browser hides among the subprotocols
dial          the way to the upstream
relay         messages in both directions, until one side ends
link          an open connection to either side, and how it ended
offer         what is asked of the client's side before it is answered
conversation  what becomes of a message, by whichever API it is of
responses     requests and replies of `/v1/responses`
realtime      tools and calls of `/v1/realtime`
calls         the calls of a realtime session, each kept back until it is allowed
errand        a request over a websocket: decided, shaped, answered, recorded once
under_way     how many errands there may be at a time, and how large
settled       what a reply has from the request before it, where the upstream goes on by itself
frames        messages as events that can be read in one way alone
errors        the event that says what is not carried on
"""
