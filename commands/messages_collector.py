"""Errors of the collector in Chinese, as ``messages.ZH``."""

from __future__ import annotations

COLLECTOR: dict[str, str] = {
    "the collector needs the package {}": "采集服务需要软件包 {0}",
    "another collector uses this journal": "已有采集服务在使用这份日志",
    "choose another --data": "请用 --data 换一个文件夹",
    "there is no app {}": "没有应用 {0}",
    "the collector had to stop": "采集服务被迫停止",
    "see its log; what it acknowledged is in the journal": "请看其运行记录；已确认的事件都在日志中",
    "the app {} is there already": "应用 {0} 已存在",
    "choose another name": "请换一个名称",
    "the demo course page is for this machine only": "示例课程页仅供本机使用",
    "choose --host 127.0.0.1": "请用 --host 127.0.0.1",
    "not a request for a session: {}": "不是有效的会话请求：{0}",
    "open the page by the link that was printed": "请用终端里显示的链接打开该页",
    "the collector can't listen: {}": "采集服务无法监听：{0}",
    "the file of app keys can be read by others": "应用密钥文件可被他人读取",
    "there is no app key in the file": "文件中没有应用密钥",
    "secret must have at least 32 characters": "secret 至少 32 个字符",
    "there is no file of app keys": "没有应用密钥文件",
    "the app {} is there twice": "应用 {0} 出现两次",
    "{} can't be {}": "{0} 不能是 {1}",
    "no such mapping: {}": "没有这种对应关系：{0}",
}
