/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus' text format, one table row a metric: its query yields label values in order, then the number.
 */
#include <errno.h>
#include <stdio.h>

#include "../name.h"
#include "ledger-private.h"

#define LABELS_MAX 4
#define FROM_PAGES " FROM pages JOIN boots ON boots.id = pages.boot JOIN vms ON vms.id = boots.vm"
#define OF_VM      " WHERE ?1 IN ('', vms.uuid)"
#define BY_VM      "vms.name, vms.uuid"

static const struct metric {
	const char *name, *type, *help;
	const char *labels[LABELS_MAX];
	const char *query; /* ?1: the VM's UUID, or empty for all */
} metrics[] = {
	{"salvage_memory_errors_total",
	 "counter",
	 "Memory errors that the guest met, repeats included.",
	 {"vm", "uuid"},
	 "SELECT " BY_VM ", sum(count)" FROM_PAGES OF_VM " GROUP BY vms.id ORDER BY " BY_VM},
	{"salvage_memory_errors_unknown_total",
	 "counter",
	 "Memory errors without any address, which no threshold counts.",
	 {"vm", "uuid"},
	 "SELECT " BY_VM ", sum(CASE kind WHEN 'unknown' THEN count ELSE 0 END)" FROM_PAGES OF_VM
	 " GROUP BY vms.id ORDER BY " BY_VM},
	{"salvage_memory_bad_pages",
	 "gauge",
	 "Distinct bad pages of 4 KiB in the VM's latest start, by what they are known by (gpa, gva).",
	 {"vm", "uuid", "address", "inferred"},
	 "SELECT " BY_VM ", kind, CASE inferred WHEN 0 THEN 'no' ELSE 'yes' END, count(*)" FROM_PAGES OF_VM
	 " AND kind != 'unknown' AND boots.id = (SELECT max(id) FROM boots AS b WHERE b.vm = vms.id)"
	 " GROUP BY vms.id, kind, inferred ORDER BY " BY_VM ", kind, inferred"},
	{"salvage_memory_new_pages_total",
	 "counter",
	 "Bad pages found in all starts of the VM, by who reported them first.",
	 {"vm", "uuid", "source"},
	 "SELECT " BY_VM ", pages.source, count(*)" FROM_PAGES OF_VM
	 " AND kind != 'unknown' GROUP BY vms.id, pages.source ORDER BY " BY_VM ", pages.source"},
	{"salvage_memory_decisions_total",
	 "counter",
	 "Thresholds of distinct pages that were reached, by action.",
	 {"vm", "uuid", "action"},
	 "SELECT " BY_VM ", action, count(*) FROM decisions AS d JOIN pages ON pages.id = d.page"
	 " JOIN boots ON boots.id = pages.boot JOIN vms ON vms.id = boots.vm" OF_VM
	 " GROUP BY vms.id, action ORDER BY " BY_VM ", action"},
	{"salvage_memory_last_error_timestamp_seconds",
	 "gauge",
	 "When the last error was seen.",
	 {"vm", "uuid"},
	 "SELECT " BY_VM
	 ", printf('%d.%03d', max(last_ns) / 1000000000, max(last_ns) / 1000000 % 1000)" FROM_PAGES OF_VM
	 " GROUP BY vms.id ORDER BY " BY_VM},
};

/* A label's value: backslash, quote and newline are escaped, as the format demands. */
static void print_value(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void print_sample(FILE *out, const struct metric *metric, sqlite3_stmt *row)
{
	int column = 0;

	fputs(metric->name, out);
	for (; column < LABELS_MAX && metric->labels[column]; column++) {
		const unsigned char *value = sqlite3_column_text(row, column);

		fprintf(out, "%c%s=\"", column ? ',' : '{', metric->labels[column]);
		print_value(out, value ? (const char *)value : "");
		fputc('"', out);
	}
	fprintf(out, "} %s\n", (const char *)sqlite3_column_text(row, column));
}

static enum sv_status print_metric(struct sv_ledger *ledger, const struct metric *metric, const char *vm,
				   FILE *out)
{
	sqlite3_stmt *rows = ledger_query(ledger, metric->query, "s", vm);
	int result;

	if (!rows)
		return SV_SYSTEM;
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, metric->type);
	while ((result = sqlite3_step(rows)) == SQLITE_ROW)
		print_sample(out, metric, rows);
	sqlite3_finalize(rows);
	return result == SQLITE_DONE ? SV_OK : ledger_fail(ledger, "cannot be read");
}

enum sv_status sv_ledger_metrics(struct sv_ledger *ledger, const char *vm, FILE *out)
{
	char id[37];
	enum sv_status status = ledger_vm(ledger, vm, id);

	if (status != SV_OK)
		return status;
	/* One reading transaction: the numbers are of one instant. */
	status = ledger_run(ledger, "BEGIN", "");
	for (size_t i = 0; i < COUNT(metrics) && status == SV_OK; i++)
		status = print_metric(ledger, &metrics[i], id, out);
	status = ledger_end(ledger, status);
	if (status == SV_OK && (fflush(out) || ferror(out))) {
		snprintf(ledger->error, sizeof(ledger->error), "the metrics cannot be written");
		status = SV_SYSTEM;
	}
	return status;
}
