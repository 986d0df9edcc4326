"""What lies where in the folder of our own, which every inbox and outbox has."""

import re

HOME = ".reeldrop"
CLAIMS = f"{HOME}/claims"
MARKER = "owner.json"
"""In HOME: whose folder this is, and how a share is known to be there."""
COPY = ".copy"
"""In a claim's folder: its files lie elsewhere too, and no job is known to have it yet."""
PRIVATE = 0o700
"""Nobody else may enter: what is claimed must not change any more."""
CLAIM_FOLDER = re.compile(r"(?:.+/)?\.reeldrop/claims/[0-9a-f]{32}", re.DOTALL)
