/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CFI flash (JEDEC JEP137, Intel command set), two 16-bit chips side by side: memory that cannot be written
 * until a command makes a device of it. So the first element of an instruction meets another memslot than the
 * second.
 */
#include "virt.h"

/* In both chips at once. */
#define BOTH(value)  ((uint32_t)(value) << 16 | (value))
#define READ_ARRAY   BOTH(0xff)
#define READ_ID      BOTH(0x90)
#define QUERY        BOTH(0x98)
#define PROGRAM      BOTH(0x40)
#define READY        BOTH(0x80)
#define QUERY_ANSWER (FLASH + 0x10 * 4)
#define PAIR(a, b)   ((uint64_t)(b) << 32 | (a))
#define DATA(n)      (0xc0de0000u + (n))

WHOLE(command_post, "str w1, [x0], #4");
WHOLE(command_simd, "st1 {v1.s}[3], [x0], #4");
WHOLE(command_pair, "stp w1, w2, [x0], #8");
WHOLE(command_double, "str x1, [x0, #8]!");
WHOLE(command_d, "str d1, [x0], #8");
WHOLE(query_pair, "ldp w1, w2, [x0], #8");
WHOLE(query_q, "ldr q1, [x0], #16");
WHOLE(query_lanes, "ld1 {v1.4s}, [x0]");
WHOLE(query_post, "ldr w1, [x0], #-4");

/* One 32-bit command by an instruction that takes it from w1 or from the last word of v1. */
static void command(const char *name, whole_instruction *instruction, uint64_t address, uint32_t value)
{
	struct whole_case test;

	whole_begin(&test, address);
	test.before.x[1] = test.after.x[1] = value;
	test.before.v[1][1] = test.after.v[1][1] = (uint64_t)value << 32;
	test.after.x[0] += 4;
	whole_check(&test, name, instruction);
}

static void check_query(void)
{
	static const uint32_t answer[4] = {BOTH('Q'), BOTH('R'), BOTH('Y'), BOTH(0x01)};
	struct whole_case test;

	command("query: str w1, [x0], #4", command_post, FLASH + 0x55 * 4, QUERY);
	for (unsigned i = 0; i < 4; i++)
		EQUAL(read32(QUERY_ANSWER + 4 * i), answer[i]);
	whole_begin(&test, QUERY_ANSWER);
	test.after.x[0] += 8;
	test.after.x[1] = answer[0];
	test.after.x[2] = answer[1];
	whole_check(&test, "query: ldp w1, w2, [x0], #8", query_pair);
	whole_begin(&test, QUERY_ANSWER);
	test.after.x[0] += 16;
	test.after.v[1][0] = PAIR(answer[0], answer[1]);
	test.after.v[1][1] = PAIR(answer[2], answer[3]);
	whole_check(&test, "query: ldr q1, [x0], #16", query_q);
	whole_begin(&test, QUERY_ANSWER);
	test.after.v[1][0] = PAIR(answer[0], answer[1]);
	test.after.v[1][1] = PAIR(answer[2], answer[3]);
	whole_check(&test, "query: ld1 {v1.4s}, [x0]", query_lanes);
	command("array: str w1, [x0], #4", command_post, FLASH, READ_ARRAY);
}

static void check_id(void)
{
	struct whole_case test;

	command("id: st1 {v1.s}[3], [x0], #4", command_simd, FLASH, READ_ID);
	whole_begin(&test, FLASH);
	test.after.x[0] += 8;
	test.after.x[1] = BOTH(0x89);
	test.after.x[2] = BOTH(0x18);
	whole_check(&test, "id: ldp w1, w2, [x0], #8", query_pair);
	whole_begin(&test, FLASH + 4);
	test.after.x[0] -= 4;
	test.after.x[1] = BOTH(0x18);
	whole_check(&test, "id: ldr w1, [x0], #-4", query_post);
	command("array: str w1, [x0], #4", command_post, FLASH, READ_ARRAY);
}

/* Command and data by one instruction: the data goes where its own element goes. */
static void program(const char *name, whole_instruction *instruction, uint64_t offset, int64_t step,
		    uint32_t data)
{
	struct whole_case test;
	uint64_t place = FLASH + offset;

	EQUAL(read32(place + 4), 0);
	whole_begin(&test, instruction == command_double ? place - 8 : place);
	test.before.x[1] = test.before.v[1][0] = PAIR(PROGRAM, data);
	if (instruction == command_pair) {
		test.before.x[1] = PROGRAM;
		test.before.x[2] = test.after.x[2] = data;
	}
	test.after.x[1] = test.before.x[1];
	test.after.v[1][0] = test.before.v[1][0];
	test.after.x[0] += (uint64_t)step;
	whole_check(&test, name, instruction);
	EQUAL(read32(place), READY);
	command("array: str w1, [x0], #4", command_post, FLASH, READ_ARRAY);
	EQUAL(read32(place), 0);
	EQUAL(read32(place + 4), data);
	EQUAL(read32(place + 8), 0);
}

void check_flash(void)
{
	check_query();
	check_id();
	program("program: stp w1, w2, [x0], #8", command_pair, 0x1000, 8, DATA(1));
	program("program: str x1, [x0, #8]!", command_double, 0x2000, 8, DATA(2));
	program("program: str d1, [x0], #8", command_d, 0x43000, 8, DATA(3));
	guest_print("flash: three words were programmed and read back from memory\n");
}
