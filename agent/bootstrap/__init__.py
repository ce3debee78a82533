"""The folder `weftline-agent run` puts first on PYTHONPATH: Python imports its sitecustomize before the program."""
