"""A real Apache Kafka broker for tests, from Maven jars, on loopback. Development only."""

from tests.kafka_server.server import ApacheKafka, KafkaServerError

__all__ = ["ApacheKafka", "KafkaServerError"]
