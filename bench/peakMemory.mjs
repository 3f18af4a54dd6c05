/** Imported before a program: says on stderr, at its end, the most memory its process had. */
process.on('exit', () => process.stderr.write(`peak_rss_mb=${Math.round(process.resourceUsage().maxRSS / 1024)}\n`))
