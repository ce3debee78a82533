"""Which plugins are loaded."""

from weftline.agent import plugins


def test_every_plugin_has_pointcuts_and_names_are_contribs_spelt_either_way() -> None:
    everything = {pointcut.where for pointcut in plugins.pointcuts()}
    for name in ("aiohttp_client", "aiohttp-client"):
        missing = everything - {pointcut.where for pointcut in plugins.pointcuts([name])}
        assert missing == {"aiohttp.client:ClientSession._request"}
    assert plugins.pointcuts(["*"]) == []
    assert {"django", "wsgi", "asgi", "grpc", "grpc_aio", "tornado", "urllib3"} <= set(plugins.names())
