"""Who a request comes from: tokens, cookies, headers of trusted proxies; and who is turned away."""

from pathlib import Path

import pytest

from support.access import tokens
from weftline.collector.access.gate import OPEN, Access, peer_of
from weftline.collector.access.identity import ANYBODY, Denied, Role, is_tenant
from weftline.collector.errors import Misconfigured
from weftline.collector.settings import AccessSettings

PROXY = "10.1.2.3"


def admit(access: Access, headers: dict[str, str], peer: str = "1.2.3.4", role: Role = Role.READ) -> str:
    """`name@tenant`, or the status and text of the refusal."""
    try:
        it = access.admit([(name.encode(), value.encode()) for name, value in headers.items()], peer, role)
    except Denied as error:
        return f"{error.status} {error}"
    return f"{it.name}@{it.tenant}"


def test_where_access_is_off_anybody_may_all() -> None:
    for role in Role:
        assert OPEN.admit([], "1.2.3.4", role) is ANYBODY
    assert not OPEN.on


def test_tokens_and_their_roles(tmp_path: Path) -> None:
    made = tokens(tmp_path)
    access = made.access()
    assert admit(access, made.bearer("a")) == "a@a"
    assert admit(access, {"Authorization": f"bearer  {made.secrets['reader']}"}) == "reader@"
    assert admit(access, {"cookie": f"theme=dark; weftline_token={made.secrets['reader']}; x=y"}) == "reader@"
    assert admit(access, made.bearer("reader"), role=Role.WRITE) == "403 reader may not write."
    assert admit(access, made.bearer("writer")) == "403 writer may not read."
    assert admit(access, made.bearer("admin"), role=Role.WRITE) == "admin@"
    assert admit(access, {}).startswith("401 A token is needed")
    assert admit(access, {"authorization": "Bearer wft_nonsense"}) == "401 The token is unknown or has expired."
    assert admit(access, {"authorization": "Basic dTpw"}).startswith("401 Only the scheme Bearer")
    assert admit(access, {"cookie": "weftline_token="}).startswith("401")


def test_a_second_header_of_a_name_is_refused(tmp_path: Path) -> None:
    made = tokens(tmp_path)
    with pytest.raises(Denied, match="several headers authorization"):
        made.access().admit([*made.bearer("a").items()] * 2, "", Role.READ)


def test_what_a_refusal_says_in_www_authenticate() -> None:
    assert Denied("x", known=False).challenge == 'Bearer realm="weftline"'
    assert Denied("x", known=True).challenge == 'Bearer realm="weftline", error="insufficient_scope"'


def test_a_tenant_is_chosen_by_those_who_may(tmp_path: Path) -> None:
    made = tokens(tmp_path)
    access = made.access()
    assert admit(access, {**made.bearer("admin"), "X-Scope-OrgID": "b"}) == "admin@b"
    assert admit(access, {**made.bearer("a"), "x-scope-orgid": "a"}) == "a@a"
    for other in ("b", "*", "a' OR 1", "''"):
        assert admit(access, {**made.bearer("a"), "x-scope-orgid": other}) == "403 a may not ask for that tenant."
        if other != "b":
            assert admit(access, {**made.bearer("admin"), "x-scope-orgid": other}).startswith("403")


def behind_a_proxy(**settings: object) -> Access:
    return Access.of(AccessSettings(trusted_proxies=("10.0.0.0/8", "fd00::/8"), **settings))  # type: ignore[arg-type]


def test_headers_count_from_trusted_proxies_only() -> None:
    access = behind_a_proxy()
    user = {"x-forwarded-user": "ada"}
    for peer in (PROXY, "fd00::1", "::ffff:10.9.9.9"):
        assert admit(access, user, peer) == "ada@"
    for peer in ("11.0.0.1", "fe80::1", "", "nonsense", "::ffff:11.0.0.1"):
        assert admit(access, user, peer).startswith("401")
    assert admit(access, {}, PROXY).startswith("401")
    assert admit(access, user, PROXY, Role.WRITE) == "403 ada may not write."


def test_a_proxys_headers_win_over_a_token_that_it_passes_on(tmp_path: Path) -> None:
    """oauth2-proxy and Istio may pass the user's own JWT on, which is no token of ours."""
    access = tokens(tmp_path).access(trusted_proxies=("10.0.0.0/8",))
    assert admit(access, {"x-forwarded-user": "ada", "authorization": "Bearer eyJhbGciOi"}, PROXY) == "ada@"
    assert admit(access, tokens(tmp_path).bearer("a") | {"x": "y"}, PROXY).startswith("401"), "the file was rewritten"


def test_groups_give_roles() -> None:
    access = behind_a_proxy(
        groups_header="x-auth-request-groups", reader_groups=("dev",), writer_groups=("ci",), admin_groups=("ops",)
    )

    def of(groups: str, role: Role) -> bool:
        headers = {"x-forwarded-user": "ada", "x-auth-request-groups": groups}
        return admit(access, headers, PROXY, role) == "ada@"

    assert [of("dev", role) for role in (Role.READ, Role.WRITE)] == [True, False]
    assert [of("a, ci ,b", role) for role in (Role.READ, Role.WRITE)] == [False, True]
    assert [of("ops", role) for role in Role] == [True, True, True]
    assert [of("", role) for role in Role] == [False, False, False]


def test_tenants_of_users() -> None:
    by_header = behind_a_proxy(tenant_header="x-tenant", admin_groups=("ops",))
    user = {"x-forwarded-user": "ada"}
    assert admit(by_header, {**user, "x-tenant": "shop"}, PROXY) == "ada@shop"
    assert admit(by_header, user, PROXY) == "403 ada belongs to no tenant.", "not everybody's rows for want of a header"
    assert admit(by_header, {**user, "x-tenant": "a' OR 1"}, PROXY) == "403 ada belongs to no tenant."
    assert admit(by_header, {**user, "x-forwarded-groups": "ops"}, PROXY) == "ada@"
    assert admit(by_header, {**user, "x-forwarded-groups": "ops", "x-scope-orgid": "bank"}, PROXY) == "ada@bank"
    by_group = behind_a_proxy(tenant_group_prefix="/tenants/")
    groups = {**user, "x-forwarded-groups": "/staff,/tenants/shop,/tenants/bank"}
    assert admit(by_group, groups, PROXY) == "ada@bank", "the first by name"
    assert admit(by_group, {**groups, "x-scope-orgid": "shop"}, PROXY) == "ada@shop"
    assert admit(by_group, {**groups, "x-scope-orgid": "other"}, PROXY).startswith("403")
    assert admit(by_group, {**user, "x-forwarded-groups": "/staff"}, PROXY) == "403 ada belongs to no tenant."


@pytest.mark.parametrize(("host", "ok"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
                                          ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("weftline", False)])  # fmt: skip
def test_who_listens_to_others_must_say_who_may(host: str, ok: bool, tmp_path: Path) -> None:
    closed = Access.of(AccessSettings())
    if ok:
        closed.require(host, "The edge")
    else:
        with pytest.raises(
            Misconfigured, match=r"^The edge would listen on .* for anybody: .*WEFTLINE_ACCESS_OPEN=true\.$"
        ):
            closed.require(host, "The edge")
    Access.of(AccessSettings(open=True)).require(host, "The edge")
    tokens(tmp_path).access().require(host, "The edge")
    behind_a_proxy().require(host, "The edge")


def test_settings_that_can_not_be() -> None:
    with pytest.raises(Misconfigured, match="WEFTLINE_ACCESS_TRUSTED_PROXIES"):
        Access.of(AccessSettings(trusted_proxies=("10.0.0.1/8",)))


def test_peers_as_grpc_names_them() -> None:
    assert peer_of("ipv4:10.0.0.1:5000") == "10.0.0.1"
    assert peer_of("ipv6:%5Bfd00::1%5D:5000") == "fd00::1"
    assert peer_of("unix:/tmp/x") == ""


def test_names_of_tenants() -> None:
    assert [it for it in ("", "a", "a-b_c.D1", "x" * 64) if not is_tenant(it)] == []
    assert [it for it in ("-a", "a b", "a'", "x" * 65, "é", "a\n", "*", ".") if is_tenant(it)] == []
