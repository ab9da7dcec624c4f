/* SPDX-License-Identifier: BSD-2-Clause */
/* The PL011 (DDI 0183): seven registers in a row that keep what is written, and eight that identify it. */
#include "virt.h"

#define ILPR UINT64_C(0x09000020)
#define IBRD UINT64_C(0x09000024)
#define IDS  UINT64_C(0x09000fe0)

static const uint32_t id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

#define HALVES(low, high) ((uint64_t)(high) << 32 | (low))
#define ID2(i)            HALVES(id[i], id[(i) + 1])

/* Stores of x1, x2, v1 and v2, from x0 on. */
WHOLE(str_post, "str w1, [x0], #4");
WHOLE(str_pre, "str w1, [x0, #4]!");
WHOLE(str_back, "str w1, [x0], #-12");
WHOLE(str_byte, "strb w1, [x0], #4");
WHOLE(str_half, "strh w1, [x0, #4]!");
WHOLE(str_double, "str x1, [x0], #8");
WHOLE(stp_words, "stp w1, w2, [x0]");
WHOLE(stp_post, "stp w1, w2, [x0], #8");
WHOLE(stp_pre, "stp w1, w2, [x0, #-8]!");
WHOLE(stp_doubles, "stp x1, x2, [x0], #16");
WHOLE(str_s, "str s1, [x0], #4");
WHOLE(str_d, "str d1, [x0, #-8]!");
WHOLE(str_q, "str q1, [x0], #16");
WHOLE(stp_s, "stp s1, s2, [x0], #8");
WHOLE(stp_d, "stp d1, d2, [x0], #16");
WHOLE(st1_whole, "st1 {v1.4s}, [x0], #16");
WHOLE(st1_lane, "st1 {v1.s}[2], [x0], #4");
WHOLE(st1_two, "st1 {v1.2s, v2.2s}, [x0], x2");
WHOLE(st2_turns, "st2 {v1.2s, v2.2s}, [x0]");

/* What is stored: few bits, so that every register keeps all of them. */
#define FIRST  0x16u
#define SECOND 0x2au
#define THIRD  0x32u
#define FOURTH 0x0cu

static const struct {
	const char *name;
	whole_instruction *instruction;
	uint64_t base, first; /* x0, and the register written first */
	int64_t step;         /* what x0 changes by */
	uint32_t written[4];
	unsigned count;
	bool simd;
} stores[] = {
	{"str w1, [x0], #4", str_post, IBRD, IBRD, 4, {FIRST}, 1, false},
	{"str w1, [x0, #4]!", str_pre, ILPR, IBRD, 4, {FIRST}, 1, false},
	{"str w1, [x0], #-12", str_back, IBRD, IBRD, -12, {FIRST}, 1, false},
	{"strb w1, [x0], #4", str_byte, IBRD, IBRD, 4, {FIRST}, 1, false},
	{"strh w1, [x0, #4]!", str_half, ILPR, IBRD, 4, {FIRST}, 1, false},
	{"str x1, [x0], #8", str_double, ILPR, ILPR, 8, {FIRST, SECOND}, 2, false},
	{"stp w1, w2, [x0]", stp_words, IBRD, IBRD, 0, {FIRST, THIRD}, 2, false},
	{"stp w1, w2, [x0], #8", stp_post, IBRD, IBRD, 8, {FIRST, THIRD}, 2, false},
	{"stp w1, w2, [x0, #-8]!", stp_pre, ILPR + 8, ILPR, -8, {FIRST, THIRD}, 2, false},
	{"stp x1, x2, [x0], #16", stp_doubles, ILPR, ILPR, 16, {FIRST, SECOND, THIRD, FOURTH}, 4, false},
	{"str s1, [x0], #4", str_s, IBRD, IBRD, 4, {FIRST}, 1, true},
	{"str d1, [x0, #-8]!", str_d, ILPR + 8, ILPR, -8, {FIRST, SECOND}, 2, true},
	{"str q1, [x0], #16", str_q, ILPR, ILPR, 16, {FIRST, SECOND, THIRD, FOURTH}, 4, true},
	{"stp s1, s2, [x0], #8", stp_s, ILPR, ILPR, 8, {FIRST, SECOND}, 2, true},
	{"stp d1, d2, [x0], #16", stp_d, ILPR, ILPR, 16, {FIRST, SECOND, SECOND, FIRST}, 4, true},
	{"st1 {v1.4s}, [x0], #16", st1_whole, ILPR, ILPR, 16, {FIRST, SECOND, THIRD, FOURTH}, 4, true},
	{"st1 {v1.s}[2], [x0], #4", st1_lane, IBRD, IBRD, 4, {THIRD}, 1, true},
	{"st1 {v1.2s, v2.2s}, [x0], x2",
	 st1_two,
	 ILPR,
	 ILPR,
	 HALVES(THIRD, FOURTH),
	 {FIRST, SECOND, SECOND, FIRST},
	 4,
	 true},
	{"st2 {v1.2s, v2.2s}, [x0]", st2_turns, ILPR, ILPR, 0, {FIRST, SECOND, SECOND, FIRST}, 4, true},
};

static void check_stores(void)
{
	for (unsigned i = 0; i < sizeof(stores) / sizeof(*stores); i++) {
		struct whole_case test;
		uint32_t saved[4], is[4];

		whole_begin(&test, stores[i].base);
		for (struct whole *r = &test.before;; r = &test.after) {
			r->x[1] = HALVES(FIRST, SECOND);
			r->x[2] = HALVES(THIRD, FOURTH);
			r->v[1][0] = HALVES(FIRST, SECOND);
			r->v[1][1] = HALVES(THIRD, FOURTH);
			r->v[2][0] = HALVES(SECOND, FIRST);
			if (r == &test.after)
				break;
		}
		test.after.x[0] += (uint64_t)stores[i].step;
		for (unsigned n = 0; n < 4; n++)
			saved[n] = read32(stores[i].first + 4 * n);
		for (unsigned n = 0; n < stores[i].count; n++)
			write32(stores[i].first + 4 * n, 0);
		whole_check(&test, stores[i].name, stores[i].instruction);
		for (unsigned n = 0; n < 4; n++)
			is[n] = read32(stores[i].first + 4 * n);
		/* Before anything is printed: the device may need what it had. */
		for (unsigned n = 0; n < 4; n++)
			write32(stores[i].first + 4 * n, saved[n]);
		for (unsigned n = 0; n < 4; n++)
			if (is[n] != (n < stores[i].count ? stores[i].written[n] : saved[n]))
				guest_fail(stores[i].name, n, "what the device has", is[n],
					   n < stores[i].count ? stores[i].written[n] : saved[n]);
	}
}

/* Loads into x1, x2 and v1 to v4. */
WHOLE(ldr_post, "ldr w1, [x0], #4");
WHOLE(ldr_pre, "ldr w1, [x0, #28]!");
WHOLE(ldr_byte, "ldrb w1, [x0], #28");
WHOLE(ldr_half, "ldrh w1, [x0, #20]!");
WHOLE(ldr_signed_byte, "ldrsb x1, [x0, #28]!");
WHOLE(ldr_signed_byte_word, "ldrsb w1, [x0, #28]!");
WHOLE(ldr_signed_word, "ldrsw x1, [x0], #4");
WHOLE(ldr_double, "ldr x1, [x0], #8");
WHOLE(ldp_words, "ldp w1, w2, [x0]");
WHOLE(ldp_post, "ldp w2, w1, [x0], #8");
WHOLE(ldp_signed, "ldpsw x1, x2, [x0, #24]!");
WHOLE(ldp_doubles, "ldp x1, x2, [x0], #-16");
WHOLE(ldr_s, "ldr s1, [x0, #4]!");
WHOLE(ldr_d, "ldr d1, [x0], #8");
WHOLE(ldr_q, "ldr q1, [x0], #16");
WHOLE(ldp_q, "ldp q1, q2, [x0], #32");
WHOLE(ldp_s, "ldp s1, s2, [x0, #8]!");
WHOLE(ld1_whole, "ld1 {v1.4s, v2.4s}, [x0], #32");
WHOLE(ld1_lane, "ld1 {v1.s}[1], [x0], #4");
WHOLE(ld1_all, "ld1r {v1.4s}, [x0]");
WHOLE(ld2_turns, "ld2 {v1.4s, v2.4s}, [x0], #32");
WHOLE(ld4_turns, "ld4 {v1.2s, v2.2s, v3.2s, v4.2s}, [x0]");

/* What is to be in x1, x2, v1 to v4 where the bit of changed is set: 0 and 1, then 2 a register. */
static const struct {
	const char *name;
	whole_instruction *instruction;
	int64_t step;
	unsigned changed;
	uint64_t x[2], v[4][2];
} loads[] = {
	{"ldr w1, [x0], #4", ldr_post, 4, 1, {0x11}, {{0}}},
	{"ldr w1, [x0, #28]!", ldr_pre, 28, 1, {0xb1}, {{0}}},
	{"ldrb w1, [x0], #28", ldr_byte, 28, 1, {0x11}, {{0}}},
	{"ldrh w1, [x0, #20]!", ldr_half, 20, 1, {0xf0}, {{0}}},
	{"ldrsb x1, [x0, #28]!", ldr_signed_byte, 28, 1, {0xffffffffffffffb1}, {{0}}},
	{"ldrsb w1, [x0, #28]!", ldr_signed_byte_word, 28, 1, {0xffffffb1}, {{0}}},
	{"ldrsw x1, [x0], #4", ldr_signed_word, 4, 1, {0x11}, {{0}}},
	{"ldr x1, [x0], #8", ldr_double, 8, 1, {HALVES(0x11, 0x10)}, {{0}}},
	{"ldp w1, w2, [x0]", ldp_words, 0, 3, {0x11, 0x10}, {{0}}},
	{"ldp w2, w1, [x0], #8", ldp_post, 8, 3, {0x10, 0x11}, {{0}}},
	{"ldpsw x1, x2, [x0, #24]!", ldp_signed, 24, 3, {0x05, 0xb1}, {{0}}},
	{"ldp x1, x2, [x0], #-16", ldp_doubles, -16, 3, {HALVES(0x11, 0x10), HALVES(0x14, 0x00)}, {{0}}},
	{"ldr s1, [x0, #4]!", ldr_s, 4, 4, {0}, {{0x10, 0}}},
	{"ldr d1, [x0], #8", ldr_d, 8, 4, {0}, {{HALVES(0x11, 0x10), 0}}},
	{"ldr q1, [x0], #16", ldr_q, 16, 4, {0}, {{HALVES(0x11, 0x10), HALVES(0x14, 0x00)}}},
	{"ldp q1, q2, [x0], #32",
	 ldp_q,
	 32,
	 12,
	 {0},
	 {{HALVES(0x11, 0x10), HALVES(0x14, 0x00)}, {HALVES(0x0d, 0xf0), HALVES(0x05, 0xb1)}}},
	{"ldp s1, s2, [x0, #8]!", ldp_s, 8, 12, {0}, {{0x14, 0}, {0x00, 0}}},
	{"ld1 {v1.4s, v2.4s}, [x0], #32",
	 ld1_whole,
	 32,
	 12,
	 {0},
	 {{HALVES(0x11, 0x10), HALVES(0x14, 0x00)}, {HALVES(0x0d, 0xf0), HALVES(0x05, 0xb1)}}},
	{"ld1 {v1.s}[1], [x0], #4", ld1_lane, 4, 16, {0}, {{0}}},
	{"ld1r {v1.4s}, [x0]", ld1_all, 0, 4, {0}, {{HALVES(0x11, 0x11), HALVES(0x11, 0x11)}}},
	{"ld2 {v1.4s, v2.4s}, [x0], #32",
	 ld2_turns,
	 32,
	 12,
	 {0},
	 {{HALVES(0x11, 0x14), HALVES(0x0d, 0x05)}, {HALVES(0x10, 0x00), HALVES(0xf0, 0xb1)}}},
	{"ld4 {v1.2s, v2.2s, v3.2s, v4.2s}, [x0]",
	 ld4_turns,
	 0,
	 0x6c,
	 {0},
	 {{HALVES(0x11, 0x0d), 0},
	  {HALVES(0x10, 0xf0), 0},
	  {HALVES(0x14, 0x05), 0},
	  {HALVES(0x00, 0xb1), 0}}},
};

#define LANE_ONE 16u /* the second word of v1, the rest of it as it was */

static void check_loads(void)
{
	static const unsigned vectors[4] = {4, 8, 32, 64};

	for (unsigned i = 0; i < 8; i++)
		EQUAL(read32(IDS + 4 * i), id[i]);
	for (unsigned i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		struct whole_case test;

		whole_begin(&test, IDS);
		test.after.x[0] += (uint64_t)loads[i].step;
		for (unsigned n = 0; n < 2; n++)
			if (loads[i].changed & 1u << n)
				test.after.x[1 + n] = loads[i].x[n];
		for (unsigned n = 0; n < 4; n++)
			for (unsigned half = 0; half < 2 && loads[i].changed & vectors[n]; half++)
				test.after.v[1 + n][half] = loads[i].v[n][half];
		if (loads[i].changed & LANE_ONE)
			test.after.v[1][0] = HALVES((uint32_t)test.before.v[1][0], 0x11);
		whole_check(&test, loads[i].name, loads[i].instruction);
	}
}

WHOLE(print_post, "strb w1, [x0], #0");
WHOLE(print_simd, "st1 {v1.b}[5], [x0]");
WHOLE(print_b, "str b1, [x0], #0");

/* Every third letter by another instruction: the text is what the device received. */
static void check_text(const char *text)
{
	static whole_instruction *const by[] = {print_post, print_simd, print_b};

	for (unsigned i = 0; text[i]; i++) {
		struct whole_case test;

		whole_begin(&test, UART);
		test.before.x[1] = test.after.x[1] = (uint8_t)text[i];
		test.before.v[1][0] = test.after.v[1][0] =
			(uint64_t)(uint8_t)text[i] << 40 | (uint8_t)text[i];
		whole_check(&test, "text", by[i % 3]);
	}
}

void check_uart(void)
{
	check_stores();
	check_loads();
	check_text("uart: these letters were written one by one with stores that KVM cannot decode\n");
}
