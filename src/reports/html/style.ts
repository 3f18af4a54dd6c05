/** The look of a report: light and dark, narrow and wide, screen and paper. */
export const STYLE = `
:root{color-scheme:light dark;--shade:#0003;--paper:#fbfbf9;--card:#fff;--ink:#1d2126;--soft:#59616b;--line:#dcdfe3;--grid:#e9ebee;--gain:#0b6e4f;--loss:#b3401b;--same:#59616b;--idle:#eceef0}
@media (prefers-color-scheme:dark){:root{--shade:#0009;--paper:#14171b;--card:#1b1f24;--ink:#e6e8ea;--soft:#a2abb5;--line:#343b43;--grid:#2a3037;--gain:#4cc79c;--loss:#f08a5d;--same:#a2abb5;--idle:#262c32}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:27px;line-height:1.3;margin:6px 0 12px;text-wrap:balance}
h2{font-size:19px;margin:0 0 2px}
h3{font-size:14px;margin:0 0 4px;font-weight:600;overflow-wrap:anywhere}
p{margin:0 0 10px}
.lead{color:var(--soft);max-width:76ch}
.kicker,.identity{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.kicker{letter-spacing:.04em}
nav{display:flex;flex-wrap:wrap;gap:2px 16px;margin-top:14px;font-size:13px}nav a{color:var(--soft)}section:target{border-color:var(--soft)}
header ul{margin:0 0 12px;padding-left:20px}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:18px}
.gain{color:var(--gain)}.loss{color:var(--loss)}.no-difference,.not-decided{color:var(--same)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0 0;padding:0;list-style:none;font-size:13px}
.legend svg{width:30px;height:10px;margin-right:6px;vertical-align:middle}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr));gap:18px}
.forest{grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr))}
.racks{display:flex;flex-wrap:wrap;gap:22px}
.racks figure{flex:1 1 180px;max-width:235px}
figure{margin:0;min-width:0}
.drawing{display:block;width:100%;height:auto;font:12px system-ui,sans-serif;fill:var(--ink)}
.drawing .soft{fill:var(--soft)}.drawing .grid{stroke:var(--grid)}.drawing .axis{stroke:var(--soft)}
.drawing .edge{stroke:var(--ink);stroke-width:1.6;fill:none}.drawing .halo{stroke:var(--card);stroke-width:4;fill:none}
.wide .drawing{min-width:calc(.9*var(--own))}
[data-tip]:focus-visible{outline:2px solid var(--ink)}
.chart{width:100%;min-height:220px}
.u-legend{font-size:12px;color:var(--ink)}.u-legend .u-marker{border-radius:2px}
.switch{display:inline-flex;gap:14px;border:0;padding:0;margin:0 0 10px;font-size:14px}
.cell{fill:var(--busy);stroke:var(--card);stroke-width:.6;stroke-opacity:.5}#rack:has(#see-kv:checked) .cell{fill:var(--kv)}.cell.idle{fill:var(--idle)}
.of-kv{display:none}#rack:has(#see-kv:checked) .of-kv{display:inline}#rack:has(#see-kv:checked) .of-busy{display:none}
.scroll,.wide{overflow-x:auto;background:linear-gradient(to right,var(--card) 30%,transparent) -1px 0/41px 100% no-repeat local,linear-gradient(to left,var(--card) 30%,transparent) calc(100% + 1px) 0/41px 100% no-repeat local,linear-gradient(to right,var(--shade),transparent) 0 0/14px 100% no-repeat scroll,linear-gradient(to left,var(--shade),transparent) 100% 0/14px 100% no-repeat scroll}.scroll+.scroll{margin-top:14px}.scroll+p{margin-top:10px}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;width:100%}
.u-legend{width:auto}.u-legend{text-align:left}.u-legend .u-value{min-width:2.6em;text-align:left}.u-inline .u-series>th::after{content:none}
section table th{text-align:left;color:var(--soft);font-weight:600}
section .scroll td,section .scroll th{padding:4px 10px 4px 0;border-bottom:1px solid var(--grid);vertical-align:top}section .scroll th{vertical-align:bottom}section .scroll .n{text-align:right;white-space:nowrap}section .scroll th.n{white-space:normal}section .scroll .n+:not(.n){padding-left:8px}
:is(#groups,#worst,#simulated) td{white-space:nowrap}:is(#worst,#simulated) td:first-child,#groups td:nth-child(2){white-space:normal;min-width:11em;overflow-wrap:anywhere}#groups td:first-child,:is(#worst,#simulated) td:nth-child(2){white-space:normal;min-width:7em}:is(#worst,#simulated) td:last-child{white-space:normal}:is(#groups,#worst,#simulated) .scroll :is(td,th){padding-right:8px}#scatter .legend,#ttft .legend{margin:0 0 12px}
details{margin-top:10px}summary{cursor:pointer}
#tip{position:fixed;z-index:9;max-width:300px;padding:6px 9px;border-radius:6px;background:var(--ink);color:var(--card);font-size:12.5px;white-space:pre-line;pointer-events:none;display:none}
#arms td:first-child{min-width:6.6em}@media (max-width:600px){section .scroll td:first-child:not(.n){min-width:8em}#numbers td:last-child:not(.n){min-width:18em}.wide .drawing{min-width:calc(.75*var(--own))}main{padding:16px 10px}section{padding:14px 12px}h1{font-size:21px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--grid:#ddd;--gain:#0b6e4f;--loss:#b3401b;--same:#444;--idle:#eceef0}main{max-width:none;padding:0}section{break-inside:avoid;border:0;padding:8px 0}#numbers{break-inside:auto}.scroll,.wide{overflow:visible;background:none}h2,h3,.lead,figure{break-inside:avoid}h2,h3,.lead,summary{break-after:avoid}#gains,#latency,#course,#arms,#worst,#simulated{break-inside:auto}tr{break-inside:avoid}.u-legend .u-value{display:none}.wide .drawing{min-width:0}table{font-size:8px}section .scroll :is(td,th){white-space:normal!important;overflow-wrap:break-word;padding-right:5px!important;min-width:0!important}nav,#tip,.switch input,.switch label:not(:has(:checked)){display:none!important}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`
