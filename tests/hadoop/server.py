"""A NameNode and a DataNode of Hadoop 2.7.3 on loopback, from the jars that tests/hadoop/run brings."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import running
from tests.support.storage_servers import free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
_JARS = [
    *["hadoop-annotations", "hadoop-auth", "hadoop-common", "hadoop-hdfs", "commons-beanutils-1", "commons-cli"],
    *["commons-codec", "commons-collections-3", "commons-configuration", "commons-httpclient", "commons-io"],
    *[
        "commons-lang-2",
        "commons-logging",
        "commons-math3",
        "commons-net",
        "guava",
        "htrace-core-3",
        "jackson-core-asl",
    ],
    *["jackson-mapper-asl", "jetty-6", "jetty-util-6", "jsp-api", "javax.servlet-api", "leveldbjni", "log4j-1"],
    *["netty-3", "netty-all", "protobuf-java", "slf4j-api", "slf4j-log4j12", "xercesImpl", "xmlenc", "httpclient"],
    *["httpcore", "avro", "paranamer", "activation"],
]
_DEBIAN = ["asm-all", "jersey1-core", "jersey1-server", "jersey1-servlet", "jsr311-api", "commons-daemon", "jaxb-api"]
_JAVA = [
    *["java", "-Xmx256m", "--add-opens=java.base/java.lang=ALL-UNNAMED"],
    *[f"--add-{way}=java.security.jgss/sun.security.krb5=ALL-UNNAMED" for way in ("opens", "exports")],
]
_HDFS = "org.apache.hadoop.hdfs.server"


@dataclass(frozen=True)
class Hadoop:
    """`rpc`: the port for hdfs://, `http`: that for webhdfs://. `libhdfs`: the environment in which pyarrow, and so
    DVC, reaches the former."""

    rpc: int
    http: int
    libhdfs: Mapping[str, str]


@contextlib.contextmanager
def hadoop(folder: Path) -> Iterator[Hadoop]:
    """Running, empty, open to everybody, ready to store."""
    rpc, http, data, ipc, web = free_ports(5)
    _write_configuration(folder, rpc, http, data, ipc, web)
    for kind in ("hdfs", "datanode", "secondary"):
        info = folder / "webapps" / kind / "WEB-INF"
        info.mkdir(parents=True)
        (info / "web.xml").write_text("<web-app/>")
    (folder / "webapps" / "static").mkdir()
    env = {"HADOOP_USER_NAME": "hdfs"}
    java = [*_JAVA, "-cp", _classpath(folder), f"-Dhadoop.log.dir={folder}"]
    name = f"{_HDFS}.namenode.NameNode"
    formatted = subprocess.run(
        [*java, name, "-format", "-nonInteractive"], env={**os.environ, **env}, capture_output=True
    )
    assert formatted.returncode == 0, formatted.stderr.decode()[-2000:]
    with (
        running([*java, name], http, folder / "namenode.log", env),
        running([*java, f"{_HDFS}.datanode.DataNode"], data, folder / "datanode.log", env),
    ):
        _wait_until_the_data_node_is_known(http)
        yield Hadoop(rpc, http, _libhdfs(folder))


def _libhdfs(folder: Path) -> dict[str, str]:
    program = shutil.which("java")
    assert program is not None
    home = Path(program).resolve().parent.parent
    return {
        "JAVA_HOME": str(home),
        "LD_LIBRARY_PATH": str(home / "lib" / "server"),
        "ARROW_LIBHDFS_DIR": str(ROOT / ".hadoop"),
        "CLASSPATH": _classpath(folder),
        "LIBHDFS_OPTS": " ".join(_JAVA[1:]),
    }


def _classpath(folder: Path) -> str:
    jars = ROOT / ".hadoop" / "pyspark"
    found = [next(iter(sorted(jars.glob(f"{name}[-.]*jar"))), None) for name in _JARS]
    assert all(found), [name for name, jar in zip(_JARS, found, strict=True) if jar is None]
    return ":".join([str(folder), *map(str, found), *(f"/usr/share/java/{name}.jar" for name in _DEBIAN)])


def _write_configuration(folder: Path, rpc: int, http: int, data: int, ipc: int, web: int) -> None:
    local = "127.0.0.1"
    core = {"fs.defaultFS": f"hdfs://{local}:{rpc}"}
    hdfs = {
        "dfs.replication": "1",
        "dfs.webhdfs.enabled": "true",
        "dfs.permissions.enabled": "false",
        "dfs.namenode.name.dir": f"file://{folder}/name",
        "dfs.datanode.data.dir": f"file://{folder}/data",
        "dfs.namenode.rpc-address": f"{local}:{rpc}",
        "dfs.namenode.http-address": f"{local}:{http}",
        "dfs.datanode.address": f"{local}:{data}",
        "dfs.datanode.ipc.address": f"{local}:{ipc}",
        "dfs.datanode.http.address": f"{local}:{web}",
        "dfs.datanode.hostname": local,
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.namenode.safemode.threshold-pct": "0",
        "dfs.namenode.safemode.extension": "0",
        "dfs.namenode.fs-limits.min-block-size": "1024",
    }
    for name, values in (("core-site", core), ("hdfs-site", hdfs)):
        lines = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in values.items())
        (folder / f"{name}.xml").write_text(f"<configuration>{lines}</configuration>")
    (folder / "log4j.properties").write_text(
        "log4j.rootLogger=WARN,console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.console.layout=org.apache.log4j.SimpleLayout\n"
    )


def _wait_until_the_data_node_is_known(http: int) -> None:
    url = f"http://127.0.0.1:{http}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url) as answer:
            beans = json.load(answer)["beans"]
        if beans and beans[0]["NumLiveDataNodes"] == 1:
            return
        time.sleep(0.2)
    raise TimeoutError("the DataNode did not register")
