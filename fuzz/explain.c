/* SPDX-License-Identifier: BSD-2-Clause */
/* A log as "salvage explain" reads it, without a device tree and with the platform's own. */
#include <stdlib.h>
#include <string.h>

#include "cli/explain.h"
#include "vmm/device-tree.h"

#include "fuzz.h"

static void printable(const char *text, size_t size)
{
	claim(memchr(text, 0, size));
	for (; *text; text++)
		claim(*text >= ' ' && *text < 0x7f);
}

static void check_incident(const struct incident *incident, const struct vmm_tree *tree, size_t number)
{
	static const struct sv_policy policy;
	struct fuzz_stream said;
	struct account account;

	claim(incident->count && incident->messages >> MESSAGE_COUNT == 0 &&
	      incident->known >> FACT_COUNT == 0);
	printable(incident->quote, sizeof(incident->quote));
	printable(incident->symbol, sizeof(incident->symbol));
	claim(explain_account(incident, tree, &policy, &account));
	claim(account.todo_count <= ACCOUNT_TODO && account.situation && account.title && account.why);
	printable(account.disassembly, sizeof(account.disassembly));
	claim(account.cause == SV_CAUSE_COUNT || account.rule.action < SV_ACTION_COUNT);
	fuzz_streams_begin();
	explain_print(&account, number, number);
	said = fuzz_printed();
	claim(said.lines && said.ended);
	fuzz_streams_begin();
	claim(explain_print_json(&account));
	said = fuzz_printed();
	claim(said.lines == 1 && said.ended);
	explain_free(&account);
}

static const struct vmm_tree *platform(void)
{
	static const uint64_t mpidr;
	static struct vmm_tree tree;
	const struct vmm_device_tree wanted = {.memory = 1 << 20, .mpidr = &mpidr, .vcpus = 1};
	struct vmm_error error;
	struct vmm_file blob;

	if (!tree.fdt) {
		claim(vmm_device_tree_build(&wanted, &blob, &error));
		tree.fdt = blob.bytes;
	}
	return &tree;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct incidents incidents;
	/* Nothing can be read from no bytes. */
	FILE *log = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	unsigned long lines = 1;

	if (!log)
		return 0;
	claim(explain_log(log, &incidents));
	fclose(log);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	claim(incidents.count <= EXPLAIN_INCIDENTS);
	for (size_t i = 0; i < incidents.count; i++) {
		claim(incidents.list[i].line >= 1 && incidents.list[i].line <= lines);
		check_incident(&incidents.list[i], size & 1 ? platform() : NULL, i + 1);
	}
	return 0;
}
