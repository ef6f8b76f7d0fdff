"""The shop's API: orders in PostgreSQL, the list of them cached in Redis.

DATABASE_URL  postgres://user:password@host:port/database
REDIS_URL     redis://host:port
STACK_LABEL   what to call this copy in answers (default: the host name)
"""

import json
import os
import signal
import socket
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

PORT = 8000
CACHE_SECONDS = 30
LARGEST_BODY = 64 * 1024
STACK = os.environ.get("STACK_LABEL") or socket.gethostname()

table_lock = threading.Lock()
table_is_there = False


def setting(name):
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set")
    return value


def database():
    """A connection for one request: a database that comes late, or comes back, needs nothing special."""
    global table_is_there
    connection = psycopg2.connect(setting("DATABASE_URL"), connect_timeout=3)
    with table_lock:
        if not table_is_there:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(8000)")
                cursor.execute(
                    "CREATE TABLE IF NOT EXISTS orders ("
                    "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item TEXT NOT NULL)"
                )
            table_is_there = True
    return connection


def cache():
    return redis.Redis.from_url(
        setting("REDIS_URL"), socket_connect_timeout=3, socket_timeout=3, decode_responses=True
    )


def add_order(item):
    with closing(database()) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (item) VALUES (%s) RETURNING id", (item,))
            (number,) = cursor.fetchone()
    # Lists are cached under the generation they were read in, so one that is being
    # read just now can not outlive this order.
    with closing(cache()) as store:
        store.incr("orders:generation")
    return {"stack": STACK, "id": number, "item": item}


def list_orders():
    with closing(cache()) as store:
        key = f"orders:{store.get('orders:generation') or 0}"
        cached = store.get(key)
        if cached is not None:
            return {"stack": STACK, "orders": json.loads(cached), "cache": "hit"}
        with closing(database()) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT id, item FROM orders ORDER BY id")
                orders = [{"id": number, "item": item} for number, item in cursor.fetchall()]
        store.set(key, json.dumps(orders), ex=CACHE_SECONDS)
    return {"stack": STACK, "orders": orders, "cache": "miss"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"status": "ok"})
        elif self.path == "/orders":
            self.attempt(200, list_orders)
        else:
            self.answer(404, {"error": "there is /healthz and /orders"})

    def do_POST(self):
        item = self.read_item()
        if self.path != "/orders":
            self.answer(404, {"error": "there is POST /orders"})
        elif item is None:
            self.answer(400, {"error": 'send {"item": "..."}'})
        else:
            self.attempt(201, add_order, item)

    def read_item(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            if not 0 < length <= LARGEST_BODY:
                self.close_connection = True
                return None
            item = json.loads(self.rfile.read(length))["item"]
        except (ValueError, TypeError, KeyError):
            return None
        return item if isinstance(item, str) and item and "\0" not in item else None

    def attempt(self, status, work, *arguments):
        global table_is_there
        try:
            result = work(*arguments)
        except (psycopg2.Error, redis.RedisError, RuntimeError, OSError) as error:
            table_is_there = False
            self.answer(503, {"stack": STACK, "error": f"{type(error).__name__}: {str(error).strip()}"})
        else:
            self.answer(status, result)

    def answer(self, status, body):
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *arguments):
        if self.path != "/healthz":
            print(f"{self.address_string()} {format % arguments}", flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    with Server(("0.0.0.0", PORT), Handler) as server:
        print(f"{STACK}: listening on port {PORT}", flush=True)
        server.serve_forever(poll_interval=0.5)


if __name__ == "__main__":
    main()
