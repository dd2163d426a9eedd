"""SASL and TLS: a real broker that asks for both, reached by every client we have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from agent.kafka_clients import KafkaAdmin, client_options
from agent.settings import KafkaSettings
from deploy.dev.jars import prepare
from deploy.dev.jdk import find_jdk
from deploy.dev.service import NotReady
from deploy.dev.services import Elasticsearch, Kafka
from deploy.dev.settings import kafka_properties
from streams import codec
from streams.channels import CHANNELS
from tests.integration.worker_kit import Rig, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

ADMIN = ("admin", "admin-secret")
USER = ("rasad", "pass word: é/'\"")


class SecureKafka(Kafka):
    """A broker whose clients come by SASL_SSL: PLAIN for the administrator, SCRAM for everybody else."""

    port_roles = ("client", "controller", "internal")

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def settings(self, **changed: object) -> KafkaSettings:
        given: dict[str, object] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "username": ADMIN[0],
            "password": ADMIN[1],
            "ca_file": str(self.ca_file),
            **changed,
        }
        return KafkaSettings(**given)  # type: ignore[arg-type]

    def _command(self) -> list[str]:
        command = super()._command()
        make_certificates(self.folder)
        client, controller = self.ports["client"], self.ports["controller"]
        text = kafka_properties(self.folder / "data", client, controller)
        plain, ours = f"PLAINTEXT://127.0.0.1:{client}", f"SASL_SSL://127.0.0.1:{client}"
        inner = f"PLAINTEXT://127.0.0.1:{self.ports['internal']}"
        text = text.replace(plain, f"{ours},{inner}")
        text = text.replace(
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL"
        )
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{ADMIN[0]}="{ADMIN[1]}";'
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        text += f"""
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config={login}
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}
ssl.keystore.type=PEM
ssl.keystore.location={self.folder / "server.pem"}
"""
        (self.folder / "server.properties").write_text(text, encoding="utf-8")
        return command

    def _probe(self) -> None:
        try:
            with KafkaAdmin(self.settings()) as admin:
                admin.partitions([])
        except Exception as error:
            raise NotReady(f"an answer ({error})") from error


def make_certificates(folder: Path) -> None:
    """A certificate authority, and a server certificate of it for 127.0.0.1."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=Test CA",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    )
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    openssl(
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "server.crt",
    )
    key, certificate = (folder / "server.key").read_text(), (folder / "server.crt").read_text()
    (folder / "server.pem").write_text(key + certificate, encoding="utf-8")


@pytest.fixture(scope="module")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    folder = tmp_path_factory.mktemp("secure") / "kafka"
    folder.mkdir()
    service = SecureKafka(folder, prepare(find_jdk(), lambda _: None))
    service.start()
    try:
        with KafkaAdmin(service.settings()) as admin:
            credentials = UserScramCredentialUpsertion(USER[0], ScramMechanism.SCRAM_SHA_512, USER[1])
            admin.client.alter_user_scram_credentials([credentials])
        yield service
    finally:
        service.stop()


def test_everything_works_over_tls_with_scram(
    secure_kafka: SecureKafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    rig = Rig(unique_name("secure"), tmp_path, secure_kafka.bootstrap, elasticsearch.url)
    secret = tmp_path / "password"
    secret.write_text(USER[1] + "\n", encoding="utf-8")
    rig.environment |= {
        "RASAD_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "RASAD_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "RASAD_KAFKA__USERNAME": USER[0],
        "RASAD_KAFKA__PASSWORD_FILE": str(secret),
        "RASAD_KAFKA__CA_FILE": str(secure_kafka.ca_file),
    }
    try:
        assert rig.rasad("admin", "init").stdout.count(": created") == len(CHANNELS)
        worker = rig.worker()
        until(worker.is_ready, f"a worker\n{rig.last_words()}")
        producer = KafkaProducer(**client_options(rig.settings.kafka), acks="all")
        topic = f"{rig.environment['RASAD_KAFKA__CHANNEL_PREFIX']}raw"
        producer.send(topic, codec.encode(raw(1)), key=b"k").get(60)
        producer.send(topic, b"poison").get(60)
        producer.close()
        rig.wait_for([raw(1).article_id])
        assert len(rig.wait_for_quarantined(1)) == 1
        assert "1 sent again" in rig.rasad("quarantine", "retry", "--all").stdout
        doctor = rig.rasad("doctor", check=False)
        assert "ok    channels" in doctor.stdout, doctor.stdout
        assert USER[1] not in worker.said() + doctor.stdout + doctor.stderr
        assert worker.stop() == 0
    finally:
        rig.close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"PASSWORD": "wrong"}, "does not let 'admin' in", id="wrong password"),
        pytest.param({"CA_FILE": ""}, "is not trusted", id="unknown CA"),
        pytest.param(
            {"SECURITY_PROTOCOL": "PLAINTEXT"}, "check kafka.security_protocol, which is PLAINTEXT", id="no TLS"
        ),
        pytest.param({"CA_FILE": "/no/such/file"}, "kafka.ca_file: /no/such/file", id="no CA file"),
        pytest.param({"USERNAME": ""}, "SASL_SSL needs credentials", id="no user"),
    ],
)
def test_a_broker_that_refuses_us_is_reported_in_one_line(
    secure_kafka: SecureKafka, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    rig = Rig("refused", tmp_path, secure_kafka.bootstrap, "http://127.0.0.1:1")
    given = {
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_MECHANISM": "PLAIN",
        "USERNAME": ADMIN[0],
        "PASSWORD": ADMIN[1],
        "CA_FILE": str(secure_kafka.ca_file),
        **changed,
    }
    rig.environment |= {f"RASAD_KAFKA__{name}": value for name, value in given.items()}
    done = rig.rasad("admin", "init", "--channels-only", check=False)
    assert done.returncode in (2, 3) and done.stdout == ""
    assert said in done.stderr and "Traceback" not in done.stderr and ADMIN[1] not in done.stderr, done.stderr
