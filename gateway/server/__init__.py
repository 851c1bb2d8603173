"""The listening side: HTTP/1.1 from clients, by uvicorn's server with a protocol of our own."""
