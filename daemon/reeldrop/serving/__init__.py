"""HTTP/1.1 for whoever asks: a port, its connections, requests in and answers out.

It must not know what is asked for.
"""
