"""How pages that stand alone look: one narrow column, light or dark as the reader's screen, tables that scroll."""

STYLE = """
:root{--paper:#fff;--ink:#1a2026;--soft:#5b6670;--line:#dfe4e8;--card:#f5f7f9;--yes:#137a4b;--no:#b3261e;
--s0:#2463c4;--s1:#d9622b;--s2:#23875b;--s3:#8a55b5;--s4:#a8791b;--s5:#56707f;--better:#2463c4;--worse:#c93f36}
@media (prefers-color-scheme:dark){:root{--paper:#12161a;--ink:#e6eaed;--soft:#9aa6af;--line:#2c343b;--card:#1a2026;
--yes:#57c793;--no:#f2857c;--s0:#77a8f5;--s1:#f29463;--s2:#5fc796;--s3:#c095e6;--s4:#dcb054;--s5:#9db4c2;
--better:#77a8f5;--worse:#f2857c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:clamp(1.5rem,5vw,2.1rem);line-height:1.2;margin:.1em 0 .6em;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.4em 0 .2em}
.lead{background:var(--card);border-radius:12px;padding:6px 20px;font-size:1.06rem;max-width:46em}
.lead p{margin:.7em 0}.note,.small,.faint{color:var(--soft)}.note{margin:.1em 0 .9em;max-width:46em}
.small{font-size:.85rem;margin:.3em 0}code{font-size:.85em;overflow-wrap:anywhere}
.verdict{font-size:1.2rem;font-weight:650;margin:.3em 0}.yes{color:var(--yes)}.no{color:var(--no)}
.yes,.no{white-space:nowrap}
.wide{overflow-x:auto;margin:.4em 0}
table{border-collapse:collapse;font-size:.87rem;width:100%}
th{text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-left:10px}
details{border:1px solid var(--line);border-radius:10px;padding:8px 14px;margin:8px 0}
summary{cursor:pointer;font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:14px;margin:0 0 14px}
figure{margin:0;max-width:440px;background:var(--card);border-radius:10px;padding:10px}svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}svg .title{font-size:12.5px;font-weight:600;fill:var(--ink)}
.end{text-anchor:end}.middle{text-anchor:middle}
svg line.faint{stroke:var(--line)}svg line.ink{stroke:var(--soft);stroke-width:2}
svg .mark{stroke:var(--soft);stroke-dasharray:4 3}
polyline{fill:none;stroke:currentColor;stroke-width:2}g circle{fill:currentColor}
.s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}.s3{color:var(--s3)}.s4{color:var(--s4)}.s5{color:var(--s5)}
.better{fill:var(--better);fill-opacity:.75}.worse{fill:var(--worse);fill-opacity:.75}.unknown{fill:var(--line)}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.9rem;margin:.2em 0 .8em}
.key span{display:inline-flex;align-items:center;gap:6px}
.key i{width:18px;height:3px;border-radius:2px;background:currentColor;display:inline-block}
@media print{details{border:0}details:not([open])>*{display:block}}
"""
"""CSS for a page without anything from elsewhere; series colours are told apart in both modes and by colour-blind eyes
as far as six can be."""
