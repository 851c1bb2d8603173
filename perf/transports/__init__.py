"""Other HTTP clients behind the gateway's transport interface, to be measured beside it; never to carry an exchange.

They are made as light as their clients allow: raw bodies, no decoding, no redirects, no limits on connections. They do
not meet the rest of the interface (its error tree, its strictness), which would only cost them more.
"""
