/* SPDX-License-Identifier: BSD-2-Clause */
#include "virt.h"

#define FLAGS 0xa0000000u /* N and C */

unsigned whole_count;

void whole_begin(struct whole_case *test, uint64_t base)
{
	struct whole *r = &test->before;

	for (unsigned i = 0; i < 30; i++)
		r->x[i] = 0x9e3779b97f4a7c15u * (i + 1);
	for (unsigned i = 0; i < 64; i++)
		r->v[i / 2][i % 2] = 0xd1b54a32d192ed03u * (i + 1);
	r->x[0] = base;
	r->unused = 0;
	r->nzcv = FLAGS;
	for (unsigned i = 0; i < sizeof(*r) / sizeof(uint64_t); i++)
		((uint64_t *)&test->after)[i] = ((uint64_t *)r)[i];
}

static void differ(const char *name, const char *bank, unsigned number, uint64_t is, uint64_t wanted)
{
	guest_print(name);
	guest_print(": ");
	guest_print(bank);
	print_number(number);
	guest_print(" is ");
	guest_print_hex(is);
	guest_print(", not ");
	guest_print_hex(wanted);
	guest_print("\n");
	guest_exit(1);
}

void whole_check(struct whole_case *test, const char *name, whole_instruction *instruction)
{
	struct whole *is = &test->before, *wanted = &test->after;

	whole_run(is, instruction);
	for (unsigned i = 0; i < 30; i++)
		if (is->x[i] != wanted->x[i])
			differ(name, "x", i, is->x[i], wanted->x[i]);
	for (unsigned i = 0; i < 64; i++)
		if (is->v[i / 2][i % 2] != wanted->v[i / 2][i % 2])
			differ(name, "half of a vector register, number ", i, is->v[i / 2][i % 2],
			       wanted->v[i / 2][i % 2]);
	if (is->nzcv != wanted->nzcv)
		differ(name, "nzcv ", 0, is->nzcv, wanted->nzcv);
	whole_count++;
}
