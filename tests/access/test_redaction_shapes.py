"""Credentials of a hundred shapes are redacted wherever they stand in a log."""

import pytest

from torc_core.evidence.cleaning import clean_text
from torc_core.evidence.redaction import REDACTED, redact_secrets

HEX = "0123456789abcdef0123456789abcdef"
WORD = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg"
UPPER = WORD.upper()
LOWER = WORD.lower()

SHAPES = {
    "conda": (f"https://conda.anaconda.org/t/ab-{HEX}-1234/main", HEX),
    "netrc": ("machine api.example.org login maria password s3cretvalue", "s3cretvalue"),
    "dockerauth": (f"{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{WORD}=\"}}}}}}", WORD),
    "dckr": (f"dckr_pat_{WORD[:27]}", WORD[:27]),
    "kube": (f"client-key-data: {WORD}{WORD}{WORD}{WORD}", WORD),
    "kube2": (f"    client-certificate-data: {WORD}{WORD}{WORD}{WORD}", WORD),
    "goog": (f"https://storage.googleapis.com/b/o?X-Goog-Signature={HEX}&X-Goog-Expires=3", HEX),
    "azsig": (f"https://a.blob.core.windows.net/c?sv=2020&sig={WORD}%3D&se=2025", WORD),
    "telegram": (f"https://api.telegram.org/bot123456789:AAE{WORD[:32]}/sendMessage", WORD[:32]),
    "discordbot": (f"MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.{WORD}", WORD),
    "glsa": (f"glsa_{WORD[:32]}_12345678", WORD[:32]),
    "atlas": (f"abcdefghij1234.atlasv1.{WORD}{WORD}", WORD),
    "age": ("AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", "QPZRY9X8"),
    "wandb": (f"wandb login {HEX}12345678", HEX),
    "wandbenv": (f"WANDB_API_KEY={HEX}12345678", HEX),
    "azurecs": (f"DefaultEndpointsProtocol=https;AccountKey={WORD}==;", WORD),
    "sas": (f"SharedAccessSignature=sr=x&sig={WORD}", WORD),
    "gcpjson": (f"\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIE{WORD}\\n-----END PRIVATE KEY-----\\n\"", WORD),
    "gcpid": (f"\"private_key_id\": \"{HEX}12345678\"", HEX),
    "openai": (f"sk-proj-{WORD}", WORD),
    "anthropic": (f"sk-ant-api03-{WORD}", WORD),
    "square": (f"sq0atp-{WORD[:22]}", WORD[:22]),
    "shopify": (f"shpat_{HEX}", HEX),
    "twilio": (f"SK{HEX}", HEX),
    "mailgun": (f"key-{HEX}", HEX),
    "sendgrid": (f"SG.{WORD[:22]}.{WORD}", WORD),
    "newrelic": (f"NRAK-{UPPER[:27]}", UPPER[:27]),
    "datadog": (f"DD_API_KEY={HEX}", HEX),
    "sentry": (f"https://{HEX}@o12.ingest.sentry.io/4", HEX),
    "linear": (f"lin_api_{WORD}", WORD),
    "notion": (f"ntn_{WORD}", WORD),
    "figma": (f"figd_{WORD}", WORD),
    "postman": (f"PMAK-{HEX[:24]}-{HEX}", HEX),
    "doppler": (f"dp.pt.{WORD}", WORD),
    "vault": (f"hvb.{WORD}", WORD),
    "vault2": (f"s.{WORD[:24]}", WORD[:24]),
    "tfe": (f"TFE_TOKEN={WORD}", WORD),
    "replicate": (f"r8_{WORD[:37]}", WORD[:37]),
    "groq": (f"gsk_{WORD}", WORD),
    "perplexity": (f"pplx-{WORD}", WORD),
    "xai": (f"xai-{WORD}{WORD}", WORD),
    "langsmith": (f"lsv2_pt_{HEX}_1234567890", HEX),
    "pinecone": (f"pcsk_{WORD}", WORD),
    "supabase": (f"sbp_{HEX}12345678", HEX),
    "planetscale": (f"pscale_tkn_{WORD}", WORD),
    "flyio": (f"fo1_{WORD}", WORD),
    "fly2": (f"FlyV1 fm2_{WORD}", WORD),
    "rubygems": (f"rubygems_{HEX}", HEX),
    "crates": (f"cio{WORD[:32]}", WORD[:32]),
    "nuget": (f"oy2{LOWER}zm9vy", "zm9vymfyymf6cxv4mtizndu2nzg5mgfiy2rlzgzm9vy"),
    "jfrog": (f"AKCp{WORD}{WORD}", WORD),
    "gitlabci": (f"CI_JOB_TOKEN=glcbt-64_{WORD[:20]}", WORD[:20]),
    "bitbucket": (f"ATBB{WORD[:32]}", WORD[:32]),
    "atlassian": (f"ATATT3xFfGF0{WORD}{WORD}{WORD}", WORD),
    "githubfg": (f"github_pat_{WORD}{WORD}", WORD),
    "slackapp": (f"xapp-1-A0-{HEX}", HEX),
    "slackhook": (f"https://hooks.slack.com/services/T0/B0/{WORD[:24]}", WORD[:24]),
    "teams": (f"https://x.webhook.office.com/webhookb2/{HEX}", HEX),
    "basicurl": ("https://u:s3cretvalue@h/x", "s3cretvalue"),
    "mongodb": ("mongodb+srv://u:s3cretvalue@c0.mongodb.net/db", "s3cretvalue"),
    "redis": ("redis://:s3cretvalue@h:6379/0", "s3cretvalue"),
    "jdbc": ("jdbc:postgresql://h/db?user=u&password=s3cretvalue", "s3cretvalue"),
    "mssql": ("Server=h;User Id=sa;Password=s3cretvalue;", "s3cretvalue"),
    "odbc": ("DRIVER=x;UID=sa;PWD=s3cretvalue9;", "s3cretvalue9"),
    "pgpass": ("PGPASSWORD=s3cretvalue", "s3cretvalue"),
    "mysqlenv": ("MYSQL_PWD=s3cretvalue", "s3cretvalue"),
    "awsid": ("AKIAABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP"),
    "awssecret": (f"aws_secret_access_key={WORD}", WORD),
    "awssession": (f"aws_session_token={WORD}", WORD),
    "awssig": (f"X-Amz-Signature={HEX}", HEX),
    "awscred": (f"X-Amz-Security-Token={WORD}", WORD),
    "bearer": (f"Authorization: Bearer {WORD}1", WORD),
    "basic": (f"Authorization: Basic {WORD}=", WORD),
    "apikeyhdr": (f"X-Api-Key: {WORD}1", WORD),
    "cookie": (f"Set-Cookie: session={WORD}", WORD),
    "authtok": (f"X-Auth-Token: {WORD}1", WORD),
    "privtok": (f"PRIVATE-TOKEN: {WORD}1", WORD),
    "npmrc": (f"//registry.npmjs.org/:_authToken={WORD}1", WORD),
    "npmauth": (f"_auth={WORD}1=", WORD),
    "pypirc": (f"password = pypi-{WORD}{WORD}", WORD),
    "sshpass": ("sshpass -p s3cretvalue ssh h", "s3cretvalue"),
    "curlu": ("curl -u u:s3cretvalue https://h", "s3cretvalue"),
    "wget": ("wget --password=s3cretvalue https://h", "s3cretvalue"),
    "mysqlp": ("mysql -u root -ps3cretvalue db", "s3cretvalue"),
    "dockerlogin": ("docker login -u u -p s3cretvalue9 h", "s3cretvalue9"),
    "ldap": ("ldapsearch -D cn=x -w s3cretvalue9", "s3cretvalue9"),
    "openssl": ("openssl enc -k s3cretvalue9 -aes", "s3cretvalue9"),
    "opensslpass": ("-passin pass:s3cretvalue9", "s3cretvalue9"),
    "pem": (f"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb{WORD}\n-----END OPENSSH PRIVATE KEY-----", WORD),
    "pgp": (f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ{WORD}\n-----END PGP PRIVATE KEY BLOCK-----", WORD),
    "putty": (f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\n{WORD}\nPrivate-MAC: {HEX}", WORD),
    "jwk": (f"\"d\":\"{WORD}{WORD}\",\"kty\":\"RSA\"", WORD),
    "dbt": (f"dbt_token: {WORD}1", WORD),
    "snow": ("SNOWFLAKE_PASSWORD=s3cretvalue", "s3cretvalue"),
    "gurobi": (f"WLSSECRET={HEX}", HEX),
    "grbkey": (f"LICENSEID=1 WLSACCESSID={HEX}", HEX),
    "kaggle": (f"{{\"username\":\"m\",\"key\":\"{HEX}\"}}", HEX),
    "hf": (f"hf_{WORD}", WORD),
    "comet": (f"COMET_API_KEY={WORD[:25]}", WORD[:25]),
    "neptune": (f"NEPTUNE_API_TOKEN=eyJ{WORD}", WORD),
    "mlflow": ("MLFLOW_TRACKING_PASSWORD=s3cretvalue", "s3cretvalue"),
    "globus": (f"globus_refresh_token: Ag{WORD}", WORD),
    "gcloud": (f"ya29.a0{WORD}", WORD),
    "gcloudr": (f"1//0{WORD}-{WORD}", WORD),
    "goclient": (f"GOCSPX-{WORD[:28]}", WORD[:28]),
    "azclient": (f"AZURE_CLIENT_SECRET=abc8Q~{WORD[:34]}", WORD[:34]),
    "azbare": (f"abc8Q~{WORD[:34]}", WORD[:34]),
    "munge": (f"MUNGE:{WORD}{WORD}:", WORD),
    "krb": ("kinit password: s3cretvalue9", "s3cretvalue9"),
    "xauth": (f"h/unix:0  MIT-MAGIC-COOKIE-1  {HEX}", HEX),
    "jupyter": (f"http://127.0.0.1:8888/lab?token={HEX}", HEX),
    "vnc": ("vncpasswd: s3cretvalue9", "s3cretvalue9"),
}  # fmt: skip
"""Name -> text with a made-up credential, and the part that must not be left."""

POSITIONS = (
    "{}",
    "before {} after",
    "2024-03-11 04:12:09 ERROR fetch: {}",
    "step 1\n{}\nstep 2",
    "    {}",
    "RuntimeError: request failed: {} (attempt 3)",
)


def test_there_are_a_hundred_shapes() -> None:
    assert len(SHAPES) >= 100


@pytest.mark.parametrize("position", POSITIONS)
def test_no_credential_is_left_wherever_it_stands(position: str) -> None:
    left = []
    for name, (text, secret) in SHAPES.items():
        redacted = redact_secrets(position.format(text))
        if secret in redacted or REDACTED not in redacted or redact_secrets(redacted) != redacted:
            left.append((name, redacted))
    assert not left


UNSEEN = (
    *(0x00AD, 0x034F, 0x115F, 0x17B4, 0x180E, 0x200B, 0x2060, 0x2065, 0x3164, 0xFE0F, 0xFEFF),
    *(0x1BCA0, 0x1BCA1, 0x1BCA2, 0x1BCA3, 0x1D173, 0xE0001, 0xE0FFF),
)


@pytest.mark.parametrize("code", UNSEEN)
def test_characters_that_nobody_sees_are_taken_out(code: int) -> None:
    assert clean_text(f"a{chr(code)}b") == "ab"
