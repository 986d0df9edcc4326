"""How a file of a drop reaches the provider.

It must not know the request that a file becomes part of, nor when that is sent.
"""

from reeldrop.upload.choose import Chooser, open_uploads

__all__ = ["Chooser", "open_uploads"]
