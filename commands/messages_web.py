"""What the query API, its client and its command say, in Chinese. See ``messages.py``."""

from __future__ import annotations

WEB: dict[str, str] = {
    "a certificate needs its key, and a key its certificate": "证书与私钥须一并给出",
    "--tls-cert CHAIN.pem --tls-key KEY.pem": "--tls-cert 证书链.pem --tls-key 私钥.pem",
    "the API must not answer beyond this machine without TLS": "不用 TLS 时，查询接口只可在本机应答",
    "give --tls-cert and --tls-key, or name the reverse proxy in api_proxies": (
        "请给出 --tls-cert 与 --tls-key，或在 api_proxies 中写明反向代理"
    ),
    "the API can't be served: {}": "查询接口无法启动：{0}",
    "choose another --host or --port": "请换一个 --host 或 --port",
    "{} is not an address of an API": "{0} 不是查询接口的地址",
    "the token would cross the network in the clear": "令牌会以明文经过网络",
    "use https://": "请用 https://",
    "there is no token for the API": "没有查询接口的令牌",
    "set XUEJING_API_TOKEN": "请设置 XUEJING_API_TOKEN",
    "the API can't be reached: {}": "无法连接查询接口：{0}",
    "is the address right?": "地址是否正确？",
    "this is no page token of ours": "这不是本接口给出的页标记",
    "take it from the header Link": "请取自响应头 Link",
    "the page token belongs to another question": "页标记属于另一个查询",
    "repeat all parameters of the first page": "请重复第一页的全部参数",
    "{} is not sorted by member": "{0} 不按成员排序",
}
