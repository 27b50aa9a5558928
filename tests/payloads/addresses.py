"""Texts that lead a careless program to another server or another path. `PORT` is where a canary listens."""

HOSTS = (
    "http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://127.1:PORT/", "http://0:PORT/",
    "http://0.0.0.0:PORT/", "http://2130706433:PORT/", "http://0x7f000001:PORT/", "http://0x7f.0.0.1:PORT/",
    "http://0177.0.0.1:PORT/", "http://017700000001:PORT/", "http://[::1]:PORT/", "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/", "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "http://\u2460\u2461\u2466.0.0.1:PORT/", "http://127\u30020\u30020\u30021:PORT/",
    "http://\uff11\uff12\uff17.0.0.1:PORT/", "http://127.0.0.1.:PORT/", "http://rebound.localhost:PORT/",
    "http://127.0.0.1.rebound.example:PORT/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
)  # fmt: skip
DISGUISED = (
    "http://127.0.0.1:8082@127.0.0.1:PORT/", "http://127.0.0.1:8082#@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@127.0.0.1:8082/", "http://127.0.0.1:8082\\@127.0.0.1:PORT/",
    "http://testserver@127.0.0.1:PORT/", "http://testserver:80@127.0.0.1:PORT/", "@127.0.0.1:PORT/", ":PORT/",
    "http:127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http:///127.0.0.1:PORT/", "HTTP://127.0.0.1:PORT/",
    " http://127.0.0.1:PORT/", "\thttp://127.0.0.1:PORT/", "ht\ntp://127.0.0.1:PORT/", "//127.0.0.1:PORT/",
    "///127.0.0.1:PORT/", "////127.0.0.1:PORT/", "/\\127.0.0.1:PORT/", "\\\\127.0.0.1:PORT\\x", "\\/127.0.0.1:PORT/",
    "/\t/127.0.0.1:PORT/", "/%2f127.0.0.1:PORT/", "/%5c127.0.0.1:PORT/", "https://127.0.0.1:PORT/",
)  # fmt: skip
SCHEMES = (
    "file:///etc/passwd", "file://127.0.0.1:PORT/x", "gopher://127.0.0.1:PORT/_x", "dict://127.0.0.1:PORT/x",
    "ftp://127.0.0.1:PORT/x", "jar:http://127.0.0.1:PORT/x.jar!/x", "netdoc:///etc/passwd", "s3://other-bucket/x",
    "s3a://127.0.0.1:PORT/x", "hdfs://127.0.0.1:PORT/x", "gs://other-bucket/x", "abfs://x@127.0.0.1:PORT/x",
    "ldap://127.0.0.1:PORT/x", "jdbc:postgresql://127.0.0.1:PORT/x", "unix:///var/run/docker.sock",
    "data:text/plain,x", "javascript:alert(1)", "hf://datasets/x",
)  # fmt: skip
PATHS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x", "..;/x", "..\\..\\x", "....//....//x",
    "/etc/passwd", "%252e%252e%252fx", "..%c0%afx", "..%ef%bc%8fx", "x/../../connections", "./.", "~/x", "x\x00.yaml",
    "x%00.yaml", "x\r\nX-Header: 1", "x\nGET / HTTP/1.1", "x?y=z", "x#y", "x;y=z", "*", "connections",
)  # fmt: skip

EVERY = (*HOSTS, *DISGUISED, *SCHEMES, *PATHS)
