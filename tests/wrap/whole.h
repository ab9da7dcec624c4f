/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One instruction on devices, checked in every register: all start from a pattern, and what the instruction
 * is not to change must be as it was.
 */
#ifndef WHOLE_H
#define WHOLE_H

#include <stdbool.h>
#include <stdint.h>

/* As whole.S lays it out. */
struct whole {
	uint64_t x[30];
	uint64_t unused;
	uint64_t nzcv;
	uint64_t v[32][2];
};

typedef void whole_instruction(void);

/* A function of one instruction. SP is not for it to use. */
#define WHOLE(name, text)                                                                               \
	whole_instruction name;                                                                         \
	__asm__(".arch_extension simd\n.arch armv8.1-a+simd\n.text\n.type " #name ", %function\n" #name \
		":\n\t" text "\n\tret\n.size " #name ", . - " #name)

void whole_run(struct whole *registers, whole_instruction *instruction);

/*
 * The registers before, and what they must be after: first equal, then changed by the test. By convention x0
 * is the base.
 */
struct whole_case {
	struct whole before, after;
};

/* Fills both with the pattern, and x0 with base. */
void whole_begin(struct whole_case *test, uint64_t base);

/* Runs the instruction on before; a register that then differs from after ends the guest, with this name. */
void whole_check(struct whole_case *test, const char *name, whole_instruction *instruction);

/* What has been checked so far. */
extern unsigned whole_count;

#endif
