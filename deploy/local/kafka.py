"""Apache Kafka as a child process: one KRaft node that is broker and controller.

The jars come from Maven Central by `mvn` (kafka_pom.xml, jars.py), once; after that only `java` (17 or newer) is
needed. The folder holds `server.properties` (written at each start), `data/`, which
survives restarts, and the logs.
"""

import base64
import shutil
import subprocess
import uuid
from importlib.resources import as_file, files
from pathlib import Path

from weftline.collector.errors import Misconfigured

from . import jars
from .folder import FolderLock
from .ports import HOST, choose_port, free_port, listens
from .process import Process

VERSION = "4.1.0"
"""The same as in kafka_pom.xml."""
PORT = 9092
FORMAT_SECONDS = 60

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
# One node: nothing can be replicated.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# One user: few partitions start faster, and nobody else is going to join the group.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
# After a kill the controller waits for the old session's end before it takes the broker back (9 s by default).
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

# A serial collector and the first compiler only: starts in 2 s instead of 7.
JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Kafka(Process):
    """One broker on 127.0.0.1. ``port`` None: 9092 if it is free, else any free port; a number: that or nothing.

    `start` fetches the jars if need be and formats the storage once; it raises `Misconfigured` without Java or, where
    there are no jars yet, Maven, and when the port or the folder is in use.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.port = port or 0
        self._wanted = port
        self._lock = FolderLock(self.folder)
        super().__init__(
            "Kafka",
            [],
            log=self.folder / "process.log",
            ready=self._answers,
            cwd=self.folder,
            ready_seconds=60,
        )

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        if self.running:
            return
        folder = fetch_jars()
        self._lock.take("Kafka")
        try:
            self.port = self._wanted = choose_port(self._wanted, PORT, "Kafka")
            properties = self.folder / "server.properties"
            properties.write_text(
                PROPERTIES.format(host=HOST, port=self.port, controller_port=free_port(), data=self.data)
            )
            log4j = self.folder / "log4j2.properties"
            with as_file(files(__package__) / "kafka_log4j2.properties") as source:
                shutil.copyfile(source, log4j)
            java = (
                *JAVA,
                f"-Dlog4j2.configurationFile={log4j}",
                f"-Dkafka.logs.dir={self.folder}",
                "-cp",
                f"{folder}/*",
            )
            if not (self.data / "meta.properties").exists():
                _format_storage(java, properties)
            self.command = [*java, "kafka.Kafka", str(properties)]
            self.inherited = (self._lock.fd,)
            super().start()
        except BaseException:
            self._lock.release()
            raise

    def stop(self) -> None:
        super().stop()
        self._lock.release()

    def _answers(self) -> bool:
        """The broker answers a metadata request."""
        if not listens(self.port):
            return False
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            client = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=5000)
        except KafkaError:
            return False
        try:
            client.list_topics()
        except KafkaError:
            return False
        finally:
            client.close()
        return True


def fetch_jars() -> Path:
    """The folder with Kafka's jars, fetched by Maven unless it is there; `Misconfigured` if it can't be had."""
    return jars.fetch("Kafka", VERSION, files(__package__) / "kafka_pom.xml")


def _format_storage(java: tuple[str, ...], properties: Path) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [
        *java,
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster_id}",  # in one: it may begin with a dash
        "--config",
        str(properties),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise Misconfigured(f"Kafka's storage can't be formatted: {(done.stderr or done.stdout).strip()[-2000:]}")
