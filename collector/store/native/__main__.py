"""`python -m weftline.collector.store.native`: compile now, into the folder of `cache_folder`.

What `start` runs beside a process that starts, and what builds an image that starts quickly (with NUMBA_CACHE_DIR set
to a folder that goes into the image, on a processor of the kind that will run it).
"""

from weftline.collector.store.native.encoder import compiled_encoder
from weftline.collector.store.native.machine_code import FOLDER

compiled_encoder()
print(f"Compiled how spans are encoded into {FOLDER}.")  # noqa: T201 - a command
