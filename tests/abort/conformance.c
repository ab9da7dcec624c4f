/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance/devices.txt, held against salvage itself. */
#include <stdlib.h>

#include "insn/table.h"
#include "machine.h"

static const char *path;

/* "x0=a000000 x1=..." into registers; marks which. */
static void set_registers(const struct table *table, char *list, uint64_t *regs)
{
	char *name, *value;

	if (!strcmp(list, "-"))
		return;
	while ((name = table_token(&list, &value))) {
		if (!strcmp(name, "normal"))
			continue;
		check(table->where, *name == 'x' && atoi(name + 1) <= 30);
		regs[SV_X0 + atoi(name + 1)] = table_hex(table, value);
	}
}

static void table_holds(void **state)
{
	static struct machine machine;
	unsigned aborts = 0, completed = 0;
	struct table table;

	table_open(&table, path);
	while (table_next(&table)) {
		char *at = strchr(table.column[2], '@'), text[SV_INSN_TEXT], *expected = table.column[4];
		uint64_t word = table_hex(&table, table.column[0]), after[SV_REG_COUNT];
		struct sv_session session;
		struct sv_insn insn;

		check(table.where, at != NULL);
		*at++ = 0;
		assert_int_equal(sv_decode(SV_A64, (uint32_t)word, &insn), SV_OK);
		sv_insn_format(&insn, 0, text, sizeof(text));
		if (strcmp(text, table.column[1]))
			fail_msg("%s: %s", table.where, text);
		setup(&machine, NULL);
		if (strstr(table.column[3], "normal"))
			map_flat(&machine);
		memory_write(&machine.vcpu, RAM_BASE, 4, word);
		set_registers(&table, table.column[3], machine.vcpu.regs);
		memcpy(after, machine.vcpu.regs, sizeof(after));
		run(&machine, &session, table_hex(&table, table.column[2]), table_hex(&table, at));
		if (!strncmp(expected, "abort ", 6)) {
			check(table.where, session.report.ending == SV_ENDING_INJECTED);
			check(table.where, machine.vcpu.injection.fsc == table_hex(&table, expected + 6));
			check(table.where, !*machine.log);
			check(table.where, !strcmp(table.column[5], "-"));
			aborts++;
		} else {
			check(table.where, session.report.ending == SV_ENDING_COMPLETED);
			if (strcmp(machine.log, expected))
				fail_msg("%s: accesses %s", table.where, machine.log);
			set_registers(&table, table.column[5], after);
			after[SV_PC] += 4;
			completed++;
		}
		for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
			if (machine.vcpu.regs[reg] != after[reg])
				fail_msg("%s: register %u is %llx", table.where, reg,
					 (unsigned long long)machine.vcpu.regs[reg]);
		check(table.where, *table.column[6]);
	}
	assert_true(aborts >= 5 && completed >= 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table_holds)};

	path = argc > 1 ? argv[1] : "devices.txt";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
