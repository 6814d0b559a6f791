/** The style and the script of the status page. Their digests are in its Content-Security-Policy: nothing else runs. */
import { hash } from "node:crypto";

export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1f24;--dim:#55606b;--line:#d5dbe1;--card:#f6f8fa;--ok:#116329;--warn:#7a4b00;--bad:#a40e26;--bar:#0550ae;--soft:#9cc3f0}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9da7b3;--line:#30363d;--card:#161b22;--ok:#56d364;--warn:#e3b341;--bad:#ff8b85;--bar:#58a6ff;--soft:#1f4f85}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
header,main,footer{max-width:1200px;margin:0 auto;padding:16px}
h1{font-size:20px;margin:0}h2{font-size:16px;margin:0 0 8px}
p{margin:4px 0}.dim{color:var(--dim)}
main{display:grid;gap:16px}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;min-width:0}
.scroll{overflow-x:auto}.scroll:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:4px 16px 4px 0;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
td.long{white-space:normal;overflow-wrap:anywhere;min-width:12em}
th{color:var(--dim);font-weight:600}
td.number,th.number{text-align:right}
code{font:13px/1.5 ui-monospace,monospace}
.ok{color:var(--ok)}.degraded,.soon{color:var(--warn)}.failing,.over{color:var(--bad)}
.ok,.degraded,.failing,.soon,.over{font-weight:600}
svg{display:block;width:100%;min-width:160px;height:14px}
svg .waits{fill:var(--soft)}svg .signs{fill:var(--bar)}svg .kept{fill:var(--line)}svg .now{fill:var(--bad)}
@media(max-width:600px){header,main,footer{padding:8px}section{padding:10px}}
`;

/** Reads the page again and puts its facts in place of those shown; what is focused or scrolled stays so. */
export const SCRIPT = `
const live=document.querySelector("#live");
live.textContent="Live: read again every 5 s.";
setInterval(async()=>{
  if(document.hidden)return;
  try{
    const answer=await fetch(location.pathname,{cache:"no-store",credentials:"same-origin"});
    if(!answer.ok)throw new Error();
    const fresh=new DOMParser().parseFromString(await answer.text(),"text/html").querySelector("main");
    if(!fresh)throw new Error();
    const shown=document.querySelector("main");
    const focused=document.activeElement&&document.activeElement.id;
    const places=[...shown.querySelectorAll(".scroll")].map(e=>[e.id,e.scrollLeft]);
    shown.replaceWith(fresh);
    for(const[id,left]of places){const e=document.getElementById(id);if(e)e.scrollLeft=left}
    if(focused&&document.getElementById(focused))document.getElementById(focused).focus({preventScroll:true});
    live.textContent="Live: read again every 5 s.";
  }catch{live.textContent="This replica does not answer. What is shown is old."}
},5000);
`;

const digest = (text: string): string => `'sha256-${hash("sha256", text, "base64")}'`;

export const STATUS_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    `style-src ${digest(STYLE)}`,
    `script-src ${digest(SCRIPT)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
