"""Requests must name this server, come from no foreign page, and arrive in time and within bounds."""

import json
import shlex
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess, make_workflow, wait_until

from torc_client.connect import connect
from torc_client.settings import ClientSettings
from torc_client.transport import Transport
from torc_core import API_PREFIX
from torc_core.api.files import UserDataModel
from torc_core.errors import InvalidInputError, ServerUnreachableError
from torc_server.access.network import Network, split_host
from torc_server.main import main

FOREIGN = "https://evil.example"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "", "10.0.0.1", "a,b"])
def test_a_request_for_another_host_is_misdirected(shared_server: ServerProcess, host: str) -> None:
    for path in ("/workflows", "/ping"):
        answer = httpx.get(
            f"{shared_server.url}{path}", headers={**shared_server.headers, "Host": host}, trust_env=False
        )
        assert answer.status_code == 421
        assert answer.json()["error"]["code"] == "misdirected"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:9", "127.1.2.3"])
def test_loopback_is_known_by_all_its_names(shared_server: ServerProcess, host: str) -> None:
    headers = {**shared_server.headers, "Host": host}
    assert httpx.get(f"{shared_server.url}/workflows", headers=headers, trust_env=False).status_code == 200


def test_a_server_of_the_whole_network_is_known_by_its_name_and_addresses_and_what_it_was_given() -> None:
    network = Network.of("0.0.0.0", allowed_hosts=["torc.example.org"])
    for header in (f"{socket.gethostname()}:80", "10.1.2.3:80", "[fe80::1]:80", "torc.example.org", "localhost"):
        assert network.knows_host(header), header
    assert not network.knows_host("evil.example")
    assert not Network.of("node7").knows_host("10.1.2.3")
    assert Network.of("node7").knows_host("node7:8080")
    assert split_host("[::1]:80") == "::1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_sites_are_refused_even_with_credentials(
    shared_server: ServerProcess, headers: dict[str, str], method: str
) -> None:
    answer = httpx.request(
        method, f"{shared_server.url}/workflows", headers={**shared_server.headers, **headers}, trust_env=False
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_servers_own_pages_may_ask(shared_server: ServerProcess) -> None:
    headers = {**shared_server.headers, "Origin": shared_server.root_url, "Sec-Fetch-Site": "same-origin"}
    assert httpx.get(f"{shared_server.url}/workflows", headers=headers, trust_env=False).status_code == 200


def test_a_site_that_was_allowed_may_ask_from_its_pages(tmp_path: Path) -> None:
    server = ServerProcess(database=tmp_path / "torc.db", arguments=["--allow-origin", FOREIGN]).start()
    try:
        asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "GET"}
        leave = httpx.options(f"{server.url}/workflows", headers=asked, trust_env=False)
        assert leave.headers["access-control-allow-origin"] == FOREIGN
        headers = {**server.headers, "Origin": FOREIGN, "Sec-Fetch-Site": "cross-site"}
        answer = httpx.get(f"{server.url}/workflows", headers=headers, trust_env=False)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, FOREIGN)
    finally:
        server.stop()


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_is_not_called_json_reaches_no_route(shared_server: ServerProcess, kind: str | None) -> None:
    headers = {**shared_server.headers, **({"Content-Type": kind} if kind else {})}
    body = json.dumps({"name": "w", "user": "u"}).encode()
    answer = httpx.post(f"{shared_server.url}/workflows", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 422


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {key} -out {cert}"
    )
    subprocess.run(shlex.split(command), check=True, capture_output=True)
    return cert, key


def test_a_server_with_a_certificate_talks_to_clients_that_know_its_signer(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    arguments = ["--tls-cert", str(cert), "--tls-key", str(key)]
    server = ServerProcess(database=tmp_path / "torc.db", arguments=arguments).start()
    try:
        url = f"https://localhost:{server.port}{API_PREFIX}"
        with connect(ClientSettings(url=url, tls_ca_cert=cert)) as client:
            assert client.workflows.list_all() == []
            assert client.environment()["TORC_TLS_CA_CERT"] == str(cert)
        with connect(ClientSettings(url=url)) as outsider, pytest.raises(ServerUnreachableError):
            outsider.workflows.list_all()
        with connect(ClientSettings(url=server.url)) as plain, pytest.raises(ServerUnreachableError):
            plain.ping()
    finally:
        server.stop()


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInputError, match=r"absent\.pem"):
        Transport("https://localhost:1", tls_ca_cert=tmp_path / "absent.pem")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--tls-cert", str(certificate[0]), "--database", str(tmp_path / "torc.db")])
    assert ended.value.code == 2


def test_headers_and_bodies_that_do_not_arrive_are_not_waited_for(tmp_path: Path) -> None:
    server = ServerProcess(database=tmp_path / "torc.db", arguments=["--request-timeout", "0.3"]).start()
    try:
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        for connection in slow:
            connection.settimeout(20)
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        for connection in slow:
            assert _ends(connection)
        head = (
            f"POST {API_PREFIX}/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Length: 100\r\n\r\n{{"
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(head.encode())
            assert b" 408 " in _all_until_the_end(connection)
        anonymous_request = f"POST {API_PREFIX}/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(anonymous_request.encode())
            assert b" 401 " in _all_until_the_end(connection)
    finally:
        server.stop()


def test_an_address_holds_so_many_connections_and_no_more(tmp_path: Path) -> None:
    arguments = ["--connections-per-address", "4"]
    server = ServerProcess(database=tmp_path / "torc.db", arguments=arguments).start()
    request = b"GET " + f"{API_PREFIX}/ping".encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def ping(connection: socket.socket) -> bytes:
        with suppress(ConnectionError):
            connection.sendall(request)
            return connection.recv(4096)
        return b""

    try:
        held = []
        for _ in range(4):
            held.append(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            assert b" 200 " in ping(held[-1])
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as one_too_many:
            assert ping(one_too_many) == b""
        held.pop().close()

        def is_let_in() -> bool:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as another:
                return b" 200 " in ping(another)

        wait_until(is_let_in, "the end of one connection makes room for another")
        assert server.log().count("more are refused") == 1
        for connection in held:
            connection.close()
    finally:
        server.stop()


def test_an_answer_that_is_not_read_is_not_kept_for_ever(tmp_path: Path) -> None:
    server = ServerProcess(database=tmp_path / "torc.db", arguments=["--request-timeout", "0.3"]).start()
    try:
        with server.client() as client:
            made = [UserDataModel(workflow_id=0, name=f"d{number}", data="x" * 1_000_000) for number in range(12)]
            workflow_id, _ = make_workflow(client)
            for datum in made:
                client.user_data.create(datum.model_copy(update={"workflow_id": workflow_id}))
        head = (
            f"GET {API_PREFIX}/user_data?workflow_id={workflow_id} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {server.token}\r\n\r\n"
        )
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        with connection:
            connection.sendall(head.encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            held = f":{connection.getsockname()[1]:04X} "
            # the server's own end, as the kernel sees it, is gone although nothing was read
            wait_until(lambda: not _is_held(server.port, held), "the server has given the connection up")
    finally:
        server.stop()


def _is_held(port: int, other_end: str) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    own_end = f":{port:04X} "
    return any(own_end in line[:26] and other_end in line and line.split()[3] == "01" for line in lines)


def test_a_head_that_is_too_large_is_cut_off(shared_server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) as connection:
        try:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n" + b"X-Large: " + b"a" * 10_000_000)
        except OSError:
            return
        assert _ends(connection)


def _all_until_the_end(connection: socket.socket) -> bytes:
    """Returns what the server sends until it closes the connection, to which one byte of a body is sent meanwhile."""
    received = connection.recv(4096)
    with suppress(ConnectionError):
        connection.sendall(b"{")
        while more := connection.recv(4096):
            received += more
    return received


def _ends(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _peak_mb(server: ServerProcess) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def test_a_huge_body_costs_the_server_nothing(server: ServerProcess) -> None:
    before = _peak_mb(server)

    def pieces() -> "list[bytes]":
        return [b'{"name": "', *[b"a" * 1_000_000] * 199, b'"}']

    headers = {**server.headers, "Content-Type": "application/json"}
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as http:
        for path in ("/workflows", "/bulk_jobs"):
            try:
                assert http.post(f"{server.url}{path}", content=iter(pieces())).status_code == 413
            except httpx.WriteError:
                continue  # the server closed before all of it was sent
    assert _peak_mb(server) - before < 400
