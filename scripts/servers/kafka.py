# A Kafka for tests, beside kafka.sh: kafka.py PORT. Its two brokers, 1 and 2, are those that librdkafka, the client in C,
# brings for the tests of its own; they listen on ports of their own and keep everything in memory. On 127.0.0.1:PORT it takes
# commands, a line of JSON each: {"do": NAME, ..}, with the arguments that the function of that name has, below. Each is
# answered with a line: {"is": ..} or {"error": ..}. With `at`, the address of another cluster, it is done there.
# What these brokers do otherwise than Kafka: who waits for messages waits as long as they said, whatever comes; an answer has
# one batch of a partition; partitions cannot be added; nobody logs in.
import ctypes
import glob
import json
import os
import socketserver
import sys
import threading

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BROKERS = 2
# Batches are small, so that a topic has many.
WRITES = {
    "enable.idempotence": True,
    "linger.ms": 0,
    "batch.num.messages": 5,
    "retry.backoff.ms": 10,
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "message.timeout.ms": 60_000,
}
READS = {"group.id": "tests", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 10}
LATEST = 60
QUIET = {"log_level": 2}

[library] = glob.glob(os.path.dirname(confluent_kafka.__file__) + ".libs/librdkafka-*.so*")
rdkafka = ctypes.CDLL(library)
for name in ["new", "conf_new", "mock_cluster_new"]:
    getattr(rdkafka, "rd_kafka_" + name).restype = ctypes.c_void_p
rdkafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
reason = ctypes.create_string_buffer(512)
settings = ctypes.c_void_p(rdkafka.rd_kafka_conf_new())
rdkafka.rd_kafka_conf_set(settings, b"log_level", b"2", reason, 512)
client = ctypes.c_void_p(rdkafka.rd_kafka_new(0, settings, reason, 512))
cluster = ctypes.c_void_p(rdkafka.rd_kafka_mock_cluster_new(client, BROKERS))
own = rdkafka.rd_kafka_mock_cluster_bootstraps(cluster).decode()
producers = {}
failures = []


def mock(name, *arguments):
    """Calls one of the library's functions for the cluster."""
    error = getattr(rdkafka, "rd_kafka_mock_" + name)(cluster, *arguments)
    if error:
        raise KafkaException(KafkaError(error))


def failed(error, _message):
    """Is told how the writing of a message went."""
    if error:
        failures.append(str(error))


def written():
    """Waits until everything is written that was said."""
    for producer in producers.values():
        if producer.flush(LATEST):
            failures.append("not everything was written")
    if failures:
        raise RuntimeError("; ".join(failures))


def ports():
    """Where the brokers listen."""
    return [int(address.rsplit(":", 1)[1]) for address in own.split(",")]


def advertise(broker, port):
    """Clients are told that the broker is at another port."""
    rdkafka.rd_kafka_mock_broker_set_host_port(cluster, broker, b"127.0.0.1", port)


def create(topic, partitions, at=None):
    """Makes a topic; broker 1 leads its first partition, 2 the next, and so by turns."""
    if at is None:
        return mock("topic_create", topic.encode(), partitions, 1)
    admin = AdminClient({"bootstrap.servers": at, **QUIET})
    return admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(LATEST)


def drop(topic):
    """Deletes a topic."""
    written()
    # Who has written to it counts on in a topic of the same name.
    producers.clear()
    mock("topic_delete", topic.encode())


def say(topic, partition, key, value, compression="none", at=None):
    """Writes a message, and does not wait until it is there."""
    kind = (at or own, compression)
    if kind not in producers:
        producers[kind] = Producer({"bootstrap.servers": kind[0], "compression.type": compression, **WRITES, **QUIET})
    producers[kind].produce(topic, value, key, partition, on_delivery=failed)
    producers[kind].poll(0)


def held(topic, at=None):
    """What the topic holds: of each message the partition, the number, the key and the value."""
    written()
    reader = Consumer({"bootstrap.servers": at or own, **READS, **QUIET})
    known = reader.list_topics(topic, LATEST).topics[topic].partitions
    firsts = {number: reader.get_watermark_offsets(TopicPartition(topic, number), LATEST)[0] for number in known}
    reader.assign([TopicPartition(topic, number, first) for number, first in firsts.items()])
    found, left = [], set(known)
    while left:
        message = reader.poll(LATEST)
        if message is None:
            raise RuntimeError(f"{topic} cannot be read")
        if message.error() is None:
            texts = [None if text is None else text.decode() for text in (message.key(), message.value())]
            found.append([message.partition(), message.offset(), *texts])
        elif message.error().code() == KafkaError._PARTITION_EOF:
            left.discard(message.partition())
        else:
            raise KafkaException(message.error())
    reader.close()
    return found


def grow(topic, partitions):
    """Adds partitions, for which the cluster has no call: makes the topic anew, with all that it held where it was."""
    before = held(topic)
    drop(topic)
    create(topic, partitions)
    for partition, _, key, value in before:
        say(topic, partition, key, value)
    if sorted(held(topic)) != sorted(before):
        raise RuntimeError(f"{topic} is not what it was")


def lose(topic, partition, before):
    """Deletes the messages of a partition that have a lower number."""
    written()
    mock("partition_delete_records", topic.encode(), partition, ctypes.c_int64(before))


def lead(topic, partition, broker):
    """Lets the broker lead the partition."""
    mock("partition_set_leader", topic.encode(), partition, broker)


def down(broker):
    """The broker hangs up, and nobody reaches it."""
    mock("broker_set_down", broker)


def up(broker):
    """It is there again."""
    mock("broker_set_up", broker)


COMMANDS = {f.__name__: f for f in [ports, advertise, create, drop, say, held, grow, lose, lead, down, up]}
turn = threading.Lock()


class Commands(socketserver.StreamRequestHandler):
    """One who gives commands."""

    def handle(self):
        for line in self.rfile:
            command = json.loads(line)
            try:
                with turn:
                    answer = {"is": COMMANDS[command.pop("do")](**command)}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    """Takes whoever comes."""

    allow_reuse_address = True
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Commands).serve_forever()
