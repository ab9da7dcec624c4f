/* SPDX-License-Identifier: BSD-2-Clause */
/* execute.txt: registers before, the accesses, registers after. */
#include <stdlib.h>

#include "support/check.h"
#include "machine.h"
#include "table.h"

static const char *path;

/* MACHINE_REGS for what is not a register's name. */
static enum sv_reg reg_named(const char *name)
{
	static const struct {
		const char *name;
		enum sv_reg reg;
	} words[] = {{"sp_el0", SV_SP_EL0}, {"sp_el1", SV_SP_EL1}, {"dczid", SV_DCZID_EL0}};
	static const struct {
		char letter;
		enum sv_reg first;
		unsigned count;
	} files[] = {
		{'x', SV_X0, 31}, {'v', MACHINE_V(0), 32}, {'z', MACHINE_V(0), 32}, {'p', MACHINE_P(0), 16}};
	char *end;

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(name, words[i].name))
			return words[i].reg;
	for (size_t i = 0; i < COUNT(files) && name[1]; i++) {
		unsigned long number = strtoul(name + 1, &end, 10);

		if (*name == files[i].letter && !*end && number < files[i].count)
			return files[i].first + number;
	}
	return MACHINE_REGS;
}

/* A register's value: the hexadecimal digits of all its bits if it is one of V, Z or P. */
static struct machine_value value_of(const struct table *table, const struct machine *machine,
				     const char *name, const char *text)
{
	enum sv_reg reg = reg_named(name);
	unsigned size = *name == 'v' ? 16 : *name == 'z' ? machine->vector : machine->vector / 8;
	struct machine_value value = {{0}};

	if (reg < SV_REG_COUNT)
		return machine_u64(table_hex(table, text));
	check(table->where, strlen(text) == 2 * size);
	for (unsigned i = 0; i < size; i++)
		check(table->where, sscanf(text + 2 * i, "%2hhx", &value.bytes[size - 1 - i]) == 1);
	return value;
}

/* The "before" column. Registers it does not name hold junk that must show nowhere. */
static void before(const struct table *table, char *list, struct machine *machine, struct sv_context *context,
		   bool *read)
{
	static const struct {
		const char *name;
		uint64_t pstate, sctlr;
	} settings[] = {
		{"el0", 0, 0},         {"el0h", 1, 0},         {"el1t", 4, 0},
		{"el1h", 5, 0},        {"ee", 0, SV_SCTLR_EE}, {"e0e", 0, SV_SCTLR_E0E},
		{"n", SV_PSTATE_N, 0}, {"c", SV_PSTATE_C, 0},
	};
	char *name, *value;

	*machine = (struct machine){.broken = MACHINE_REGS};
	memset(read, 0, MACHINE_REGS * sizeof(*read));
	for (unsigned i = 0; i < MACHINE_REGS; i++) {
		memset(&machine->regs[i], 0xba, sizeof(machine->regs[i]));
		machine->regs[i].bytes[0] = (uint8_t)i;
	}
	*context = (struct sv_context){.pc = 0xbad0bad0bad0, .pstate = 5};
	while ((name = table_token(&list, &value))) {
		enum sv_reg reg = reg_named(name);
		size_t i = 0;

		if (reg != MACHINE_REGS) {
			machine->regs[reg] = value_of(table, machine, name, value);
			read[reg] = true;
			continue;
		}
		if (!strcmp(name, "pc")) {
			context->pc = table_hex(table, value);
			continue;
		}
		if (!strcmp(name, "vl")) {
			machine->vector = (unsigned)strtoul(value, NULL, 10);
			read[MACHINE_VECTOR] = true;
			continue;
		}
		while (i < COUNT(settings) && strcmp(settings[i].name, name))
			i++;
		if (i == COUNT(settings))
			fail_msg("%s: unknown setting %s", table->where, name);
		if (!strncmp(name, "el", 2))
			context->pstate = settings[i].pstate;
		else
			context->pstate |= settings[i].pstate;
		context->sctlr_el1 |= settings[i].sctlr;
	}
}

/* Hexadecimal bytes in memory order, as many as there are. Returns their number. */
static unsigned bytes_of(const struct table *table, const char *text, uint8_t *bytes, size_t room)
{
	unsigned count = 0;

	for (; text[2 * count]; count++) {
		check(table->where, count < room && sscanf(text + 2 * count, "%2hhx", &bytes[count]) == 1);
		check(table->where, text[2 * count + 1]);
	}
	return count;
}

/* The bytes of a footprint: ".." is one of an element that is not active, "0*64" 64 times the same byte. */
static void read_data(const struct table *table, const char *text, struct sv_plan *plan)
{
	unsigned total = plan->count * plan->esize, byte, times;

	check(table->where, total <= sizeof(plan->data));
	if (sscanf(text, "%2x*%u", &byte, &times) == 2) {
		check(table->where, times == total);
		memset(plan->data, (int)byte, total);
		return;
	}
	check(table->where, strlen(text) == 2 * total);
	for (unsigned i = 0; i < total; i++) {
		bool active = text[2 * i] != '.';

		plan->predicated |= !active;
		plan->active[i / plan->esize / 8] |= (uint8_t)(active << i / plan->esize % 8);
		check(table->where,
		      active ? sscanf(text + 2 * i, "%2hhx", &plan->data[i]) == 1 : text[2 * i + 1] == '.');
		check(table->where, active == (plan->active[i / plan->esize / 8] >> i / plan->esize % 8 & 1));
	}
}

/* What an atomic leaves in memory; nothing if stores is false. */
struct atomic {
	bool expected, stores;
	uint8_t updated[SV_ATOMIC_BYTES];
};

/* The "access" column. Returns the number of bytes. */
static unsigned expected_plan(const struct table *table, char *list, struct sv_plan *plan,
			      struct atomic *atomic)
{
	char *direction, *address, *elements, *bytes, *flag, *value;

	memset(plan, 0, sizeof(*plan));
	*atomic = (struct atomic){0};
	direction = table_token(&list, &value);
	address = table_token(&list, &value);
	elements = table_token(&list, &value);
	bytes = table_token(&list, &value);
	check(table->where, direction && address && elements && bytes);
	atomic->expected = *direction == 'a';
	plan->write = *direction == 'w' || atomic->expected;
	plan->single = atomic->expected;
	plan->va = table_hex(table, address);
	check(table->where, sscanf(elements, "%hux%hhu", &plan->count, &plan->esize) == 2);
	plan->align = (uint8_t)(atomic->expected ? plan->count * plan->esize : plan->esize);
	read_data(table, bytes, plan);
	while ((flag = table_token(&list, &value))) {
		if (!strcmp(flag, "acquire"))
			plan->acquire = true;
		else if (!strcmp(flag, "release"))
			plan->release = true;
		else if (!strcmp(flag, "unprivileged"))
			plan->unprivileged = true;
		else if (!strcmp(flag, "from-unprivileged"))
			plan->from_unprivileged = true;
		else if (!strcmp(flag, "tags"))
			plan->tags = true;
		else if (!strcmp(flag, "tags-only"))
			plan->tags = plan->no_access = true;
		else if (!strcmp(flag, "single"))
			plan->single = true;
		else if (!strcmp(flag, "unsized"))
			plan->unsized = true;
		else if (!strcmp(flag, "align"))
			plan->align = (uint8_t)strtoul(value, NULL, 10);
		else if (!strcmp(flag, "from"))
			plan->copy = true, plan->from = table_hex(table, value);
		else if (!strcmp(flag, "response"))
			plan->responds = true, plan->response = table_hex(table, value);
		else if (!strcmp(flag, "operand"))
			bytes_of(table, value, plan->operand, sizeof(plan->operand));
		else if (!strcmp(flag, "compare"))
			bytes_of(table, value, plan->compare, sizeof(plan->compare));
		else if (!strcmp(flag, "new"))
			atomic->stores = strcmp(value, "-") &&
					 bytes_of(table, value, atomic->updated, sizeof(atomic->updated));
		else
			fail_msg("%s: unknown flag %s", table->where, flag);
	}
	return plan->count * plan->esize;
}

/* The operands, and what the operation makes of them. */
static void check_atomic(const struct table *table, const struct sv_plan *plan,
			 const struct sv_plan *expected, const struct atomic *atomic)
{
	unsigned size = plan->esize * plan->count;
	uint8_t updated[SV_ATOMIC_BYTES] = {0};

	check(table->where, plan->op != SV_OP_NONE);
	check(table->where, !memcmp(plan->operand, expected->operand, size));
	check(table->where, plan->op != SV_OP_CAS || !memcmp(plan->compare, expected->compare, size));
	check(table->where, sv_atomic(plan->op, size, plan->big_endian, plan->operand, plan->compare,
				      expected->data, updated) == atomic->stores);
	check(table->where, !atomic->stores || !memcmp(updated, atomic->updated, size));
}

/* All that makes a plan more than a run of elements. */
static void check_kind(const struct table *table, const struct sv_plan *plan, const struct sv_plan *expected)
{
	check(table->where, plan->copy == expected->copy && plan->from == expected->from);
	check(table->where, plan->from_unprivileged == expected->from_unprivileged);
	check(table->where, plan->tags == expected->tags && plan->no_access == expected->no_access);
	check(table->where, plan->single == expected->single && plan->unsized == expected->unsized);
	check(table->where, plan->responds == expected->responds && plan->align == expected->align);
	for (unsigned i = 0; i < plan->count; i++)
		check(table->where, sv_plan_active(plan, i) == sv_plan_active(expected, i));
}

/* The "after" column against what was written, in order. */
static void after(const struct table *table, char *list, const struct machine *machine)
{
	unsigned writes = 0;
	char *name, *value;

	if (!strcmp(list, "-"))
		list += 1;
	while ((name = table_token(&list, &value))) {
		check(table->where, writes < machine->writes);
		struct machine_value expected = value_of(table, machine, name, value);

		check(table->where, machine->written[writes].reg == reg_named(name));
		if (memcmp(&machine->written[writes].value, &expected, sizeof(expected)))
			fail_msg("%s: %s is not what was written", table->where, name);
		writes++;
	}
	check(table->where, writes == machine->writes);
}

/* A load that fills part of its register, a lane or the tag bits, reads the rest when it finishes. */
static bool keeps_of_target(const struct sv_insn *insn)
{
	const struct sv_row *row = insn->row;

	return row->form == SV_FORM_LANE || (row->iclass == SV_CLASS_TAG && !(row->flags & SV_ROW_STORE));
}

static void cases(void **state)
{
	size_t rows;
	const struct sv_row *first = sv_rows(SV_A64, &rows);
	bool *seen = calloc(rows, sizeof(*seen));
	struct table table;

	table_open(&table, path);
	while (table_next(&table)) {
		struct sv_plan plan, expected;
		struct atomic atomic;
		bool read[MACHINE_REGS];
		struct sv_context context;
		struct machine machine;
		struct sv_insn insn;
		char text[SV_INSN_TEXT];

		check(table.where,
		      sv_decode(SV_A64, (uint32_t)table_hex(&table, table.column[0]), &insn) == SV_OK);
		check(table.where, !insn.unpredictable);
		sv_insn_format(&insn, 0, text, sizeof(text));
		check(table.where, !strcmp(text, table.column[1]));
		before(&table, table.column[2], &machine, &context, read);
		unsigned bytes = expected_plan(&table, table.column[3], &expected, &atomic);

		memset(&plan, 0xa5, sizeof(plan));
		check(table.where, sv_plan_address(&insn, &context, &machine_ops, &machine, &plan) == SV_OK);
		if (plan.va != expected.va)
			fail_msg("%s: address is %llx", table.where, (unsigned long long)plan.va);
		check(table.where, plan.esize == expected.esize && plan.count == expected.count);
		check(table.where,
		      plan.write == expected.write && plan.unprivileged == expected.unprivileged);
		check(table.where, plan.acquire == expected.acquire && plan.release == expected.release);
		check_kind(&table, &plan, &expected);
		check(table.where, plan.unfinished == (insn.row->iclass == SV_CLASS_MOPS));
		check(table.where, atomic.expected == (plan.op != SV_OP_NONE));
		if (!expected.write || atomic.expected || expected.copy)
			memcpy(plan.data, expected.data, sizeof(plan.data));
		plan.response = expected.response;
		check(table.where, sv_plan_data(&insn, &machine_ops, &machine, &plan) == SV_OK);
		if (atomic.expected)
			check_atomic(&table, &plan, &expected, &atomic);
		for (unsigned i = 0; i < bytes; i++)
			check(table.where, plan.no_access || !sv_plan_active(&expected, i / plan.esize) ||
						   plan.data[i] == expected.data[i]);
		check(table.where, keeps_of_target(&insn) || !memcmp(machine.read, read, sizeof(read)));
		check(table.where, !machine.writes);

		check(table.where, sv_finish(&insn, &context, &plan, &machine_ops, &machine) == SV_OK);
		check(table.where, !memcmp(machine.read, read, sizeof(read)));
		after(&table, table.column[4], &machine);
		seen[insn.row - first] = true;
	}
	for (size_t i = 0; i < rows; i++)
		if (!seen[i] && !first[i].refusal)
			fail_msg("%s has no case", sv_row_name(&first[i]));
	free(seen);
}

/* What salvage does not perform it does not plan either: no register is read. */
static void refused_rows(void **state)
{
	size_t rows;
	const struct sv_row *first = sv_rows(SV_A64, &rows);
	unsigned refused = 0;

	for (size_t i = 0; i < rows; i++) {
		struct machine machine = {.broken = MACHINE_REGS};
		struct sv_context context = {.pstate = 5};
		struct sv_plan plan;
		struct sv_insn insn;

		assert_int_equal(!first[i].refusal, !*sv_refusal_text(first[i].refusal));
		/* Where an exclusive would have gone can be told, for the abort that it gets. */
		if (!first[i].refusal || first[i].refusal == SV_REFUSAL_EXCLUSIVE ||
		    sv_decode(SV_A64, first[i].value, &insn) != SV_OK)
			continue;
		assert_int_equal(sv_plan_address(&insn, &context, &machine_ops, &machine, &plan),
				 SV_UNSUPPORTED);
		for (unsigned reg = 0; reg < MACHINE_REGS; reg++)
			assert_false(machine.read[reg]);
		refused++;
	}
	assert_true(refused > 100);
}

/* Without a way to the vector registers nothing is half done. */
static void no_vector_registers(void **state)
{
	static const uint32_t words[] = {0x3dc00020, 0x3d800020, 0x4c408000, 0x0d401420, 0x4d40c020};
	const struct sv_regs_ops without = {.get = machine_ops.get, .set = machine_ops.set};

	for (size_t i = 0; i < COUNT(words); i++) {
		struct machine machine = {.broken = MACHINE_REGS};
		struct sv_context context = {.pstate = 5};
		struct sv_plan plan;
		struct sv_insn insn;

		assert_int_equal(sv_decode(SV_A64, words[i], &insn), SV_OK);
		assert_int_equal(sv_plan_address(&insn, &context, &without, &machine, &plan), SV_OK);
		assert_int_equal(sv_plan_data(&insn, &without, &machine, &plan),
				 plan.write ? SV_REGISTER : SV_OK);
		if (!plan.write)
			assert_int_equal(sv_finish(&insn, &context, &plan, &without, &machine), SV_REGISTER);
		assert_int_equal(machine.writes, 0);
	}
}

/* A register that cannot be read or written ends the call at once, with nothing written after it. */
static void broken_registers(void **state)
{
	static const struct {
		uint32_t word;
		enum sv_reg broken;
		enum sv_status address, data, finish;
		unsigned writes;
	} cases[] = {
		{0xf8626823, SV_X0 + 1, SV_REGISTER, SV_OK, SV_OK, 0}, /* ldr x3, [x1, x2]: base */
		{0xf8626823, SV_X0 + 2, SV_REGISTER, SV_OK, SV_OK, 0}, /* index */
		{0xf8626823, SV_X0 + 3, SV_OK, SV_OK, SV_REGISTER, 0}, /* target */
		{0xa9bf0be1, SV_SP_EL1, SV_REGISTER, SV_OK, SV_OK, 0}, /* stp x1, x2, [sp, #-16]!: base */
		{0xa9bf0be1, SV_X0 + 1, SV_OK, SV_REGISTER, SV_OK, 0}, /* first source */
		{0xa9bf0be1, SV_X0 + 2, SV_OK, SV_REGISTER, SV_OK, 0}, /* second source */
		{0xa9bf0be1, SV_SP_EL0, SV_OK, SV_OK, SV_OK, 1},       /* the other stack pointer */
		{0xa8c10861, SV_X0 + 1, SV_OK, SV_OK, SV_REGISTER, 0}, /* ldp x1, x2, [x3], #16 */
		{0xa8c10861, SV_X0 + 2, SV_OK, SV_OK, SV_REGISTER, 1},
		{0x4cc28020, SV_X0 + 2, SV_REGISTER, SV_OK, SV_OK,
		 0}, /* ld2 { v0.16b, v1.16b }, [x1], x2: what is added */
		{0x4cc28020, MACHINE_V(1), SV_OK, SV_OK, SV_REGISTER, 1}, /* second target */
		{0x4cc28020, SV_X0 + 1, SV_REGISTER, SV_OK, SV_OK, 0},    /* base */
		{0x4c828020, MACHINE_V(1), SV_OK, SV_REGISTER, SV_OK, 0}, /* st2: second source */
		{0x0d400420, MACHINE_V(0), SV_OK, SV_OK, SV_REGISTER,
		 0}, /* ld1 { v0.b }[1], [x1]: the other lanes */
		/* ld2d { z31.d, z0.d }, p2/z, [x3, x4, lsl #3], and st2d */
		{0xa5a4c87f, MACHINE_VECTOR, SV_REGISTER, SV_OK, SV_OK, 0},
		{0xa5a4c87f, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},
		{0xa5a4c87f, SV_X0 + 4, SV_REGISTER, SV_OK, SV_OK, 0},
		{0xa5a4c87f, MACHINE_P(2), SV_REGISTER, SV_OK, SV_OK, 0},
		{0xa5a4c87f, MACHINE_V(31), SV_OK, SV_OK, SV_REGISTER, 0},
		{0xa5a4c87f, MACHINE_V(0), SV_OK, SV_OK, SV_REGISTER, 1},
		{0xe5a4687f, MACHINE_V(31), SV_OK, SV_REGISTER, SV_OK, 0},
		{0xe5a4687f, MACHINE_V(0), SV_OK, SV_REGISTER, SV_OK, 0},
		{0xa0408860, MACHINE_P(10), SV_REGISTER, SV_OK, SV_OK,
		 0}, /* ld1b { z0.b - z3.b }, pn10/z, [x3] */
		{0x85804061, MACHINE_VECTOR, SV_REGISTER, SV_OK, SV_OK, 0}, /* ldr z1, [x3] */
		{0x85804061, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},
		{0x85804061, MACHINE_V(1), SV_OK, SV_OK, SV_REGISTER, 0},
		{0xe5804061, MACHINE_V(1), SV_OK, SV_REGISTER, SV_OK, 0},
		{0x85800061, MACHINE_P(1), SV_OK, SV_OK, SV_REGISTER, 0}, /* ldr p1, [x3] */
		{0xe5800061, MACHINE_P(1), SV_OK, SV_REGISTER, SV_OK, 0},
		{0x19020461, SV_X0 + 1, SV_REGISTER, SV_OK, SV_OK, 0}, /* cpyfp [x1]!, [x2]!, x3! */
		{0x19020461, SV_X0 + 2, SV_REGISTER, SV_OK, SV_OK, 0},
		{0x19020461, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},
		{0x19c20461, SV_X0 + 1, SV_REGISTER, SV_OK, SV_OK, 0}, /* setp [x1]!, x3!, x2 */
		{0x19c20461, SV_X0 + 2, SV_OK, SV_REGISTER, SV_OK, 0},
		{0x19c20461, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},
		{0xd9600064, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0}, /* ldg x4, [x3] */
		{0xd9600064, SV_X0 + 4, SV_OK, SV_OK, SV_REGISTER, 0},
		{0xd9e00064, SV_X0 + 4, SV_OK, SV_OK, SV_REGISTER, 0},    /* ldgm x4, [x3] */
		{0xd9e01c64, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},    /* stz2g x4, [x3, #16]! */
		{0xd9e01c64, SV_X0 + 4, SV_OK, SV_OK, SV_OK, 1},          /* its tag goes nowhere */
		{0xd9200064, SV_DCZID_EL0, SV_REGISTER, SV_OK, SV_OK, 0}, /* stzgm x4, [x3] */
		{0xd50b7423, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0},    /* dc zva, x3 */
		{0xd50b7423, SV_DCZID_EL0, SV_REGISTER, SV_OK, SV_OK, 0},
		{0xf83fd064, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0}, /* ld64b x4, [x3] */
		{0xf83fd064, SV_X0 + 4, SV_OK, SV_OK, SV_REGISTER, 0},
		{0xf83fd064, SV_X0 + 11, SV_OK, SV_OK, SV_REGISTER, 7},
		{0xf83f9064, SV_X0 + 3, SV_REGISTER, SV_OK, SV_OK, 0}, /* st64b x4, [x3] */
		{0xf83f9064, SV_X0 + 11, SV_OK, SV_REGISTER, SV_OK, 0},
		{0xf82db064, SV_X0 + 13, SV_OK, SV_OK, SV_REGISTER, 0}, /* st64bv x13, x4, [x3] */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct machine machine = {.broken = cases[i].broken, .vector = 16};
		struct sv_context context = {.pstate = 5};
		struct sv_plan plan;
		struct sv_insn insn;

		/* Something to copy, and something that is active: of a counter, the second byte and on. */
		machine.regs[SV_X0 + 3] = machine_u64(64);
		machine.regs[MACHINE_P(2)] = machine_u64(UINT64_MAX);
		machine.regs[MACHINE_P(10)] = machine_u64(0x8003);
		assert_int_equal(sv_decode(SV_A64, cases[i].word, &insn), SV_OK);
		assert_int_equal(sv_plan_address(&insn, &context, &machine_ops, &machine, &plan),
				 cases[i].address);
		if (cases[i].address == SV_OK)
			assert_int_equal(sv_plan_data(&insn, &machine_ops, &machine, &plan), cases[i].data);
		if (cases[i].address == SV_OK && cases[i].data == SV_OK)
			assert_int_equal(sv_finish(&insn, &context, &plan, &machine_ops, &machine),
					 cases[i].finish);
		assert_int_equal(machine.writes, cases[i].writes);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(refused_rows),
		cmocka_unit_test(no_vector_registers),
		cmocka_unit_test(broken_registers),
	};

	path = argc > 1 ? argv[1] : "execute.txt";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
