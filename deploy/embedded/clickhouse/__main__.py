"""`python -m deploy.embedded.clickhouse --data DIR --port N`."""

import sys

from deploy.embedded.clickhouse.server import main

if __name__ == "__main__":
    sys.exit(main())
