/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer instructions and moves of SIMD registers, case by case, and what is UNDEFINED. QEMU says the same
 * of millions of random ones (oracle --integer); these are the corners, and need no QEMU.
 */
#include "model.h"
#include "softkvm/board.h"

#define TOP  (UINT64_C(1) << 63)
#define ONES (~UINT64_C(0))

/* In: X1 to X3 and the flags; X0 is 0xdead, if it is not written. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t x1, x2, x3, nzcv, x0, flags;
} cases[] = {
	/* clang-format off */
	{"add: sum", 0x8b020020, 1, 2, 0, 0, 3, 0}, /* add x0, x1, x2 */
	{"add: no flags", 0x8b020020, ONES, 1, 0, 5, 0, 5}, /* add x0, x1, x2 */
	{"add w: upper half cleared", 0x0b020020, ONES, 1, 0, 0, 0, 0}, /* add w0, w1, w2 */
	{"add: imm12 shifted", 0x91400420, 1, 0, 0, 0, 0x1001, 0}, /* add x0, x1, #1, lsl #12 */
	{"add: lsl", 0x8b02fc20, 1, 3, 0, 0, 0x8000000000000001, 0}, /* add x0, x1, x2, lsl #63 */
	{"add: asr", 0x8b82fc20, 0, TOP, 0, 0, ONES, 0}, /* add x0, x1, x2, asr #63 */
	{"add w: asr of W sign", 0x0b827c20, 0, 0x80000000, 0, 0, 0xffffffff, 0}, /* add w0, w1, w2, asr #31 */
	{"add w: lsr", 0x0b427c20, 0, 0x80000000, 0, 0, 1, 0}, /* add w0, w1, w2, lsr #31 */
	{"add: uxtb", 0x8b221020, 0, 0x1ff, 0, 0, 0xff0, 0}, /* add x0, x1, w2, uxtb #4 */
	{"add: sxtb", 0x8b228020, 0, 0x80, 0, 0, 0xffffffffffffff80, 0}, /* add x0, x1, w2, sxtb */
	{"add: sxth #1", 0x8b22a420, 0, 0x8000, 0, 0, 0xffffffffffff0000, 0}, /* add x0, x1, w2, sxth #1 */
	{"add: uxtw", 0x8b224820, 0, ONES, 0, 0, 0x3fffffffc, 0}, /* add x0, x1, w2, uxtw #2 */
	{"add: sxtw", 0x8b22c020, 1, 0xffffffff, 0, 0, 0, 0}, /* add x0, x1, w2, sxtw */
	{"adds: carry and zero", 0xab020020, ONES, 1, 0, 0, 0, 6}, /* adds x0, x1, x2 */
	{"adds: overflow", 0xab020020, ~TOP, 1, 0, 0, TOP, 9}, /* adds x0, x1, x2 */
	{"adds: negative plus negative", 0xab020020, TOP, TOP, 0, 0, 0, 7}, /* adds x0, x1, x2 */
	{"adds w: carry at 32", 0x2b020020, 0xffffffff, 1, 0, 0, 0, 6}, /* adds w0, w1, w2 */
	{"adds w: upper halves ignored", 0x2b020020, 0x100000000, 0x10000000000, 0, 0, 0, 4}, /* adds w0, w1, w2 */
	{"adds w: overflow", 0x2b020020, 0x7fffffff, 1, 0, 0, 0x80000000, 9}, /* adds w0, w1, w2 */
	{"subs: equal", 0xeb020020, 7, 7, 0, 0, 0, 6}, /* subs x0, x1, x2 */
	{"subs: borrow", 0xeb020020, 0, 1, 0, 0, ONES, 8}, /* subs x0, x1, x2 */
	{"subs: overflow", 0xeb020020, TOP, 1, 0, 0, ~TOP, 3}, /* subs x0, x1, x2 */
	{"subs w: borrow", 0x6b020020, 0, 1, 0, 0, 0xffffffff, 8}, /* subs w0, w1, w2 */
	{"cmn: immediate 0", 0xb100003f, ONES, 0, 0, 0, 0xdead, 8}, /* cmn x1, #0 */
	{"cmp: 0 with 0 has a carry", 0xf100003f, 0, 0, 0, 0, 0xdead, 6}, /* cmp x1, #0 */
	{"adc: with carry", 0x9a020020, 1, 2, 0, 2, 4, 2}, /* adc x0, x1, x2 */
	{"adc: without", 0x9a020020, 1, 2, 0, 4, 3, 4}, /* adc x0, x1, x2 */
	{"adcs: all ones and carry", 0xba020020, ONES, ONES, 0, 2, ONES, 0xa}, /* adcs x0, x1, x2 */
	{"adcs: carry in makes carry out", 0xba020020, ONES, 0, 0, 2, 0, 6}, /* adcs x0, x1, x2 */
	{"sbc: with carry", 0xda020020, 5, 3, 0, 2, 2, 2}, /* sbc x0, x1, x2 */
	{"sbc: without", 0xda020020, 5, 3, 0, 0, 1, 0}, /* sbc x0, x1, x2 */
	{"sbcs: borrow", 0xfa020020, 0, 0, 0, 0, ONES, 8}, /* sbcs x0, x1, x2 */
	{"sbcs w: equal", 0x7a020020, 9, 9, 0, 2, 0, 6}, /* sbcs w0, w1, w2 */
	{"ngc: zero", 0xda0203e0, 0, 0, 0, 2, 0, 2}, /* ngc x0, x2 */
	{"and: bitmask", 0x9200f020, ONES, 0, 0, 0, 0x5555555555555555, 0}, /* and x0, x1, #0x5555555555555555 */
	{"and: bitmask that wraps", 0x92410420, ONES, 0, 0, 0, 0x8000000000000001, 0}, /* and x0, x1, #0x8000000000000001 */
	{"orr w: bitmask", 0x3204cc20, 0, 0, 0, 0, 0xf0f0f0f0, 0}, /* orr w0, w1, #0xf0f0f0f0 */
	{"eor: inverted ends", 0xd27ff820, ONES, 0, 0, 0, 1, 0}, /* eor x0, x1, #0xfffffffffffffffe */
	{"ands: C and V cleared", 0xea020020, TOP, ONES, 0, 3, TOP, 8}, /* ands x0, x1, x2 */
	{"ands: zero", 0xf2400020, 2, 0, 0, 0xb, 0, 4}, /* ands x0, x1, #1 */
	{"ands w: sign of W", 0x6a020020, 0x80000000, ONES, 0, 0, 0x80000000, 8}, /* ands w0, w1, w2 */
	{"bics: clears", 0xea220020, 0xff, 0xf, 0, 2, 0xf0, 0}, /* bics x0, x1, x2 */
	{"bic: ror", 0x8ae21020, ONES, 0xf, 0, 0, 0xfffffffffffffff, 0}, /* bic x0, x1, x2, ror #4 */
	{"orn: mvn", 0xaa2203e0, 0, 0, 0, 0, ONES, 0}, /* mvn x0, x2 */
	{"orn w: ror", 0x2ae27c20, 0, 0x80000000, 0, 0, 0xfffffffe, 0}, /* orn w0, w1, w2, ror #31 */
	{"eon", 0xca220020, 5, 3, 0, 0, 0xfffffffffffffff9, 0}, /* eon x0, x1, x2 */
	{"movz: hw", 0xd2ffffe0, 0, 0, 0, 0, 0xffff000000000000, 0}, /* movz x0, #0xffff, lsl #48 */
	{"movn", 0x92800000, 0, 0, 0, 0, ONES, 0}, /* movn x0, #0 */
	{"movn w", 0x12a00000, 0, 0, 0, 0, 0xffffffff, 0}, /* movn w0, #0, lsl #16 */
	{"ubfx", 0xd3442c20, 0xabcd, 0, 0, 0, 0xbc, 0}, /* ubfx x0, x1, #4, #8 */
	{"ubfiz", 0xd3481c20, 0x1ff, 0, 0, 0, 0xff00000000000000, 0}, /* ubfiz x0, x1, #56, #8 */
	{"lsl: immediate 63", 0xd3410020, 3, 0, 0, 0, TOP, 0}, /* lsl x0, x1, #63 */
	{"lsr: immediate 63", 0xd37ffc20, ONES, 0, 0, 0, 1, 0}, /* lsr x0, x1, #63 */
	{"asr: immediate 63", 0x937ffc20, TOP, 0, 0, 0, ONES, 0}, /* asr x0, x1, #63 */
	{"sbfx: sign", 0x93441c20, 0x80, 0, 0, 0, 0xfffffffffffffff8, 0}, /* sbfx x0, x1, #4, #4 */
	{"sbfx w: upper half cleared", 0x13001c20, 0x80, 0, 0, 0, 0xffffff80, 0}, /* sbfx w0, w1, #0, #8 */
	{"sbfiz: wraps", 0x93780c20, 8, 0, 0, 0, 0xfffffffffffff800, 0}, /* sbfiz x0, x1, #8, #4 */
	{"sxtw", 0x93407c20, 0x80000000, 0, 0, 0, 0xffffffff80000000, 0}, /* sxtw x0, w1 */
	{"extr", 0x93c21020, 0xf, 0x10, 0, 0, 0xf000000000000001, 0}, /* extr x0, x1, x2, #4 */
	{"extr: lsb 0", 0x93c20020, 5, 7, 0, 0, 7, 0}, /* extr x0, x1, x2, #0 */
	{"ror w: immediate", 0x13810420, 1, 0, 0, 0, 0x80000000, 0}, /* ror w0, w1, #1 */
	{"udiv: by zero", 0x9ac20820, 5, 0, 0, 0, 0, 0}, /* udiv x0, x1, x2 */
	{"udiv", 0x9ac20820, ONES, 2, 0, 0, ~TOP, 0}, /* udiv x0, x1, x2 */
	{"udiv w: halves", 0x1ac20820, 0x500000006, 0x100000002, 0, 0, 3, 0}, /* udiv w0, w1, w2 */
	{"sdiv: overflow", 0x9ac20c20, TOP, ONES, 0, 0, TOP, 0}, /* sdiv x0, x1, x2 */
	{"sdiv: by zero", 0x9ac20c20, ONES, 0, 0, 0, 0, 0}, /* sdiv x0, x1, x2 */
	{"sdiv: towards zero", 0x9ac20c20, 0xfffffffffffffff9, 2, 0, 0, 0xfffffffffffffffd, 0}, /* sdiv x0, x1, x2 */
	{"sdiv w: overflow", 0x1ac20c20, 0x80000000, 0xffffffff, 0, 0, 0x80000000, 0}, /* sdiv w0, w1, w2 */
	{"sdiv w: by zero with an upper half", 0x1ac20c20, 4, 0x100000000, 0, 0, 0, 0}, /* sdiv w0, w1, w2 */
	{"lslv: by 64 is by 0", 0x9ac22020, 5, 0x40, 0, 0, 5, 0}, /* lsl x0, x1, x2 */
	{"lslv: by 65 is by 1", 0x9ac22020, 5, 0x41, 0, 0, 0xa, 0}, /* lsl x0, x1, x2 */
	{"lsrv w: by 33 is by 1", 0x1ac22420, ONES, 0x21, 0, 0, 0x7fffffff, 0}, /* lsr w0, w1, w2 */
	{"asrv w", 0x1ac22820, 0x80000000, 0x1f, 0, 0, 0xffffffff, 0}, /* asr w0, w1, w2 */
	{"asrv: by all ones", 0x9ac22820, TOP, ONES, 0, 0, ONES, 0}, /* asr x0, x1, x2 */
	{"rorv: by 0", 0x9ac22c20, 5, 0, 0, 0, 5, 0}, /* ror x0, x1, x2 */
	{"rorv w: by 32 is by 0", 0x1ac22c20, 5, 0x20, 0, 0, 5, 0}, /* ror w0, w1, w2 */
	{"rorv", 0x9ac22c20, 1, 1, 0, 0, TOP, 0}, /* ror x0, x1, x2 */
	{"crc32b of nothing", 0x1ac24020, 0, 0, 0, 0, 0, 0}, /* crc32b w0, w1, w2 */
	{"crc32b: bit 0", 0x1ac24020, 0, 1, 0, 0, 0x77073096, 0}, /* crc32b w0, w1, w2 */
	{"crc32cb: bit 0", 0x1ac25020, 0, 1, 0, 0, 0xf26b8303, 0}, /* crc32cb w0, w1, w2 */
	{"crc32x: as eight bytes", 0x9ac24c20, 0, TOP, 0, 0, 0xedb88320, 0}, /* crc32x w0, w1, x2 */
	{"rbit", 0xdac00020, 1, 0, 0, 0, TOP, 0}, /* rbit x0, x1 */
	{"rbit w", 0x5ac00020, 1, 0, 0, 0, 0x80000000, 0}, /* rbit w0, w1 */
	{"rev16", 0xdac00420, 0x102030405060708, 0, 0, 0, 0x201040306050807, 0}, /* rev16 x0, x1 */
	{"rev32", 0xdac00820, 0x102030405060708, 0, 0, 0, 0x403020108070605, 0}, /* rev32 x0, x1 */
	{"rev", 0xdac00c20, 0x102030405060708, 0, 0, 0, 0x807060504030201, 0}, /* rev x0, x1 */
	{"rev w", 0x5ac00820, 0x102030405060708, 0, 0, 0, 0x8070605, 0}, /* rev w0, w1 */
	{"clz: zero", 0xdac01020, 0, 0, 0, 0, 0x40, 0}, /* clz x0, x1 */
	{"clz w: zero with an upper half", 0x5ac01020, 0x100000000, 0, 0, 0, 0x20, 0}, /* clz w0, w1 */
	{"clz", 0xdac01020, 1, 0, 0, 0, 0x3f, 0}, /* clz x0, x1 */
	{"cls: zero", 0xdac01420, 0, 0, 0, 0, 0x3f, 0}, /* cls x0, x1 */
	{"cls: minus one", 0xdac01420, ONES, 0, 0, 0, 0x3f, 0}, /* cls x0, x1 */
	{"cls: smallest", 0xdac01420, TOP, 0, 0, 0, 0, 0}, /* cls x0, x1 */
	{"cls w: minus one", 0x5ac01420, 0xffffffff, 0, 0, 0, 0x1f, 0}, /* cls w0, w1 */
	{"cls w: 1", 0x5ac01420, 1, 0, 0, 0, 0x1e, 0}, /* cls w0, w1 */
	{"madd", 0x9b020c20, 3, 4, 5, 0, 0x11, 0}, /* madd x0, x1, x2, x3 */
	{"madd: wraps", 0x9b020c20, TOP, 2, 1, 0, 1, 0}, /* madd x0, x1, x2, x3 */
	{"msub w", 0x1b028c20, 3, 4, 5, 0, 0xfffffff9, 0}, /* msub w0, w1, w2, w3 */
	{"smaddl", 0x9b220c20, 0xffffffff, 2, 1, 0, ONES, 0}, /* smaddl x0, w1, w2, x3 */
	{"umaddl", 0x9ba20c20, ONES, 2, 1, 0, 0x1ffffffff, 0}, /* umaddl x0, w1, w2, x3 */
	{"smsubl", 0x9b228c20, 0x80000000, 0x80000000, 0, 0, 0xc000000000000000, 0}, /* smsubl x0, w1, w2, x3 */
	{"umsubl", 0x9ba28c20, 2, 3, 5, 0, ONES, 0}, /* umsubl x0, w1, w2, x3 */
	{"umulh", 0x9bc27c20, ONES, ONES, 0, 0, 0xfffffffffffffffe, 0}, /* umulh x0, x1, x2 */
	{"smulh: minus one squared", 0x9b427c20, ONES, ONES, 0, 0, 0, 0}, /* smulh x0, x1, x2 */
	{"smulh: smallest squared", 0x9b427c20, TOP, TOP, 0, 0, 0x4000000000000000, 0}, /* smulh x0, x1, x2 */
	{"smulh: negative", 0x9b427c20, ONES, 1, 0, 0, ONES, 0}, /* smulh x0, x1, x2 */
	{"csel: eq", 0x9a820020, 1, 2, 0, 4, 1, 4}, /* csel x0, x1, x2, eq */
	{"csel: ne", 0x9a821020, 1, 2, 0, 4, 2, 4}, /* csel x0, x1, x2, ne */
	{"csel: hi needs C and not Z", 0x9a828020, 1, 2, 0, 6, 2, 6}, /* csel x0, x1, x2, hi */
	{"csel: hi", 0x9a828020, 1, 2, 0, 2, 1, 2}, /* csel x0, x1, x2, hi */
	{"csel: ls", 0x9a829020, 1, 2, 0, 0, 1, 0}, /* csel x0, x1, x2, ls */
	{"csel: ge, N is V", 0x9a82a020, 1, 2, 0, 9, 1, 9}, /* csel x0, x1, x2, ge */
	{"csel: lt", 0x9a82b020, 1, 2, 0, 8, 1, 8}, /* csel x0, x1, x2, lt */
	{"csel: gt is not zero", 0x9a82c020, 1, 2, 0, 4, 2, 4}, /* csel x0, x1, x2, gt */
	{"csel: le", 0x9a82d020, 1, 2, 0, 4, 1, 4}, /* csel x0, x1, x2, le */
	{"csel: al", 0x9a82e020, 1, 2, 0, 4, 1, 4}, /* csel x0, x1, x2, al */
	{"csel: nv is always too", 0x9a82f020, 1, 2, 0, 0, 1, 0}, /* .inst 0x9a82f020 */
	{"csel: mi", 0x9a824020, 1, 2, 0, 8, 1, 8}, /* csel x0, x1, x2, mi */
	{"csel: vc", 0x9a827020, 1, 2, 0, 1, 2, 1}, /* csel x0, x1, x2, vc */
	{"csel w: upper half cleared", 0x1a82e020, ONES, 2, 0, 0, 0xffffffff, 0}, /* csel w0, w1, w2, al */
	{"csinc: wraps", 0x9a821420, 1, ONES, 0, 4, 0, 4}, /* csinc x0, x1, x2, ne */
	{"csinv w", 0x5a821020, 1, 0, 0, 4, 0xffffffff, 4}, /* csinv w0, w1, w2, ne */
	{"csneg: smallest", 0xda821420, 1, TOP, 0, 4, TOP, 4}, /* csneg x0, x1, x2, ne */
	{"ccmp: condition holds", 0xfa420020, 5, 5, 0, 4, 0xdead, 6}, /* ccmp x1, x2, #0, eq */
	{"ccmp: it does not", 0xfa420029, 5, 5, 0, 0, 0xdead, 9}, /* ccmp x1, x2, #9, eq */
	{"ccmp: immediate", 0xfa5fe820, 0x1f, 0, 0, 0, 0xdead, 6}, /* ccmp x1, #31, #0, al */
	{"ccmn: immediate", 0xba41e820, ONES, 0, 0, 0, 0xdead, 6}, /* ccmn x1, #1, #0, al */
	{"ccmn w", 0x3a42e020, 0x80000000, 0x80000000, 0, 0, 0xdead, 7}, /* ccmn w1, w2, #0, al */
	{"rmif: all of them", 0xba00042f, 0xa, 0, 0, 0, 0xdead, 0xa}, /* rmif x1, #0, #15 */
	{"rmif: rotated, masked", 0xba1e0423, 0xf000000000000000, 0, 0, 8, 0xdead, 0xb}, /* rmif x1, #60, #3 */
	{"setf8: sign", 0x3a00082d, 0x80, 0, 0, 2, 0xdead, 0xb}, /* setf8 w1 */
	{"setf8: zero with a ninth bit", 0x3a00082d, 0x100, 0, 0, 0, 0xdead, 5}, /* setf8 w1 */
	{"setf16: plain", 0x3a00482d, 0x1234, 0, 0, 0xf, 0xdead, 2}, /* setf16 w1 */
	{"cfinv", 0xd500401f, 0, 0, 0, 4, 0xdead, 6}, /* cfinv */
	{"axflag", 0xd500405f, 0, 0, 0, 0xb, 0xdead, 4}, /* axflag */
	{"xaflag", 0xd500403f, 0, 0, 0, 6, 0xdead, 6}, /* xaflag */
	{"xaflag: neither", 0xd500403f, 0, 0, 0, 0, 0xdead, 8}, /* xaflag */
	{"mrs nzcv", 0xd53b4200, 0, 0, 0, 0xa, 0xa0000000, 0xa}, /* mrs x0, nzcv */
	{"msr nzcv", 0xd51b4201, ONES, 0, 0, 0, 0xdead, 0xf}, /* msr nzcv, x1 */
	/* clang-format on */
};

static void computes(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(cases); i++) {
		board_reset(board);
		cpu->x[0] = 0xdead;
		cpu->x[1] = cases[i].x1;
		cpu->x[2] = cases[i].x2;
		cpu->x[3] = cases[i].x3;
		cpu->pstate = EL1h | NZCV(cases[i].nzcv);
		check(cases[i].name, step(board, cases[i].word) == SOFT_BUDGET);
		check(cases[i].name, cpu->pc == CODE + 4);
		check(cases[i].name, cpu->x[0] == cases[i].x0);
		check(cases[i].name, cpu->pstate == (EL1h | NZCV(cases[i].flags)));
		check(cases[i].name, cpu->x[31] == 0);
	}
}

/* Register 31: SP (in: 0x1000) or XZR. X1 is 0xff8, X2 is 0x10. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t x0, sp, flags;
} thirty_one[] = {
	{"add x0, sp, #16", 0x910043e0, 0x1010, 0x1000, 0},
	{"add sp, x1, #16", 0x9100403f, 0xdead, 0x1008, 0},
	{"sub sp, sp, #32", 0xd10083ff, 0xdead, 0xfe0, 0},
	{"and sp, x1, #0xf0", 0x927c0c3f, 0xdead, 0xf0, 0},
	{"adds x0, sp, #0", 0xb10003e0, 0x1000, 0x1000, 0},
	{"adds xzr, x1, #0", 0xb100003f, 0xdead, 0x1000, 0},
	{"add x0, sp, x2, lsl #3", 0x8b226fe0, 0x1080, 0x1000, 0},
	{"cmp sp, x2", 0xeb2263ff, 0xdead, 0x1000, 2},
	{"add wsp, w1, #1", 0x1100043f, 0xdead, 0xff9, 0},
	{"add xzr, xzr, x1", 0x8b0103ff, 0xdead, 0x1000, 0},
	{"orr x0, xzr, x1", 0xaa0103e0, 0xff8, 0x1000, 0},
	{"subs x0, sp, w2, sxtw #2", 0xeb22cbe0, 0xfc0, 0x1000, 2},
	{"madd xzr, x1, x2, x3", 0x9b020c3f, 0xdead, 0x1000, 0},
	{"ubfx xzr, x1, #0, #4", 0xd3400c3f, 0xdead, 0x1000, 0},
	{"csel x0, xzr, x2, al", 0x9a82e3e0, 0, 0x1000, 0},
};

static void register_31(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const uint64_t modes[] = {EL0t, 0x3c4, EL1h};

	for (size_t i = 0; i < COUNT(thirty_one) * COUNT(modes); i++) {
		const char *name = thirty_one[i / COUNT(modes)].name;
		uint64_t mode = modes[i % COUNT(modes)];
		bool own = mode == EL1h;

		board_reset(board);
		cpu->pstate = mode;
		cpu->sp[own] = 0x1000;
		cpu->sp[!own] = 0xbad0;
		cpu->x[0] = 0xdead;
		cpu->x[1] = 0xff8;
		cpu->x[2] = 0x10;
		step(board, thirty_one[i / COUNT(modes)].word);
		check(name, cpu->x[0] == thirty_one[i / COUNT(modes)].x0);
		check(name, cpu->sp[own] == thirty_one[i / COUNT(modes)].sp);
		check(name, cpu->sp[!own] == 0xbad0);
		check(name, cpu->pstate == (mode | NZCV(thirty_one[i / COUNT(modes)].flags)));
		check(name, cpu->x[31] == 0);
	}
}

#define V0_LOW  0x1111111111111111
#define V0_HIGH 0x2222222222222222

/* Out: V0, and X0, which is 0xdead if it is not written. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t v0[2], x0;
} simd[] = {
	{"movi v0.2d, #0", 0x6f00e400, {0x0, 0x0}, 0xdead},
	{"movi v0.16b, #0xab", 0x4f05e560, {0xabababababababab, 0xabababababababab}, 0xdead},
	{"movi v0.4s, #0x12, lsl #16", 0x4f004640, {0x12000000120000, 0x12000000120000}, 0xdead},
	{"movi v0.4s, #0x12, msl #8", 0x4f00c640, {0x12ff000012ff, 0x12ff000012ff}, 0xdead},
	{"mvni v0.8h, #0x12, lsl #8", 0x6f00a640, {0xedffedffedffedff, 0xedffedffedffedff}, 0xdead},
	{"movi d0, #0xff00ff", 0x2f00e4a0, {0xff00ff, 0x0}, 0xdead},
	{"orr v0.4s, #1", 0x4f001420, {0x1111111111111111, 0x2222222322222223}, 0xdead},
	{"bic v0.8h, #0xff", 0x6f0797e0, {0x1100110011001100, 0x2200220022002200}, 0xdead},
	{"fmov d0, #1.0", 0x1e6e1000, {0x3ff0000000000000, 0x0}, 0xdead},
	{"fmov s0, #-2.5", 0x1e309000, {0xc0200000, 0x0}, 0xdead},
	{"fmov v0.2d, #1.0", 0x6f03f600, {0x3ff0000000000000, 0x3ff0000000000000}, 0xdead},
	{"fmov x0, d1", 0x9e660020, {V0_LOW, V0_HIGH}, 0x706050403020100},
	{"fmov d0, x1", 0x9e670020, {0x8877665544332211, 0x0}, 0xdead},
	{"fmov w0, s1", 0x1e260020, {V0_LOW, V0_HIGH}, 0x3020100},
	{"fmov s0, w1", 0x1e270020, {0x44332211, 0x0}, 0xdead},
	{"fmov x0, v1.d[1]", 0x9eae0020, {V0_LOW, V0_HIGH}, 0x8f0e0d0c0b0a0908},
	{"fmov v0.d[1], x1", 0x9eaf0020, {0x1111111111111111, 0x8877665544332211}, 0xdead},
	{"fmov d0, d1", 0x1e604020, {0x706050403020100, 0x0}, 0xdead},
	{"fmov s0, s1", 0x1e204020, {0x3020100, 0x0}, 0xdead},
	{"dup v0.16b, w1", 0x4e010c20, {0x1111111111111111, 0x1111111111111111}, 0xdead},
	{"dup v0.2s, w1", 0x0e040c20, {0x4433221144332211, 0x0}, 0xdead},
	{"dup v0.4h, v1.h[7]", 0x0e1e0420, {0x8f0e8f0e8f0e8f0e, 0x0}, 0xdead},
	{"mov d0, v1.d[1]", 0x5e180420, {0x8f0e0d0c0b0a0908, 0x0}, 0xdead},
	{"mov b0, v1.b[15]", 0x5e1f0420, {0x8f, 0x0}, 0xdead},
	{"umov w0, v1.b[15]", 0x0e1f3c20, {V0_LOW, V0_HIGH}, 0x8f},
	{"umov x0, v1.d[1]", 0x4e183c20, {V0_LOW, V0_HIGH}, 0x8f0e0d0c0b0a0908},
	{"smov x0, v1.b[15]", 0x4e1f2c20, {V0_LOW, V0_HIGH}, 0xffffffffffffff8f},
	{"smov w0, v1.h[7]", 0x0e1e2c20, {V0_LOW, V0_HIGH}, 0xffff8f0e},
	{"mov v0.s[3], w1", 0x4e1c1c20, {0x1111111111111111, 0x4433221122222222}, 0xdead},
	{"mov v0.b[1], v1.b[15]", 0x6e037c20, {0x1111111111118f11, 0x2222222222222222}, 0xdead},
	{"and v0.16b, v0.16b, v1.16b", 0x4e211c00, {0x100010001000100, 0x202000002020000}, 0xdead},
	{"bic v0.8b, v0.8b, v1.8b", 0x0e611c00, {0x1011101110111011, 0x0}, 0xdead},
	{"orn v0.16b, v0.16b, v1.16b", 0x4ee11c00, {0xf9f9fbfbfdfdffff, 0x72f3f2f3f6f7f6f7}, 0xdead},
	{"eor v0.16b, v0.16b, v0.16b", 0x6e201c00, {0x0, 0x0}, 0xdead},
	{"bsl v0.16b, v1.16b, v2.16b", 0x6e621c20, {0x1ee01ee01ee01ee, 0xdfdfdddd02020000}, 0xdead},
	{"bit v0.16b, v1.16b, v2.16b", 0x6ea21c20, {0x1106110411021100, 0x8f0e0d0c22222222}, 0xdead},
	{"bif v0.16b, v1.16b, v2.16b", 0x6ee21c20, {0x711051103110111, 0x222222220b0a0908}, 0xdead},
	{"mov v0.16b, v1.16b", 0x4ea11c20, {0x706050403020100, 0x8f0e0d0c0b0a0908}, 0xdead},
};

static const uint64_t simd_in[3][2] = {
	{V0_LOW, V0_HIGH},
	{0x0706050403020100, 0x8f0e0d0c0b0a0908},
	{0x00ff00ff00ff00ff, 0xffffffff00000000},
};

static void moves_simd(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(simd); i++) {
		board_reset(board);
		memcpy(cpu->v, simd_in, sizeof(simd_in));
		cpu->x[0] = 0xdead;
		cpu->x[1] = 0x8877665544332211;
		step(board, simd[i].word);
		check(simd[i].name, cpu->pc == CODE + 4);
		check(simd[i].name, !memcmp(cpu->v[0], simd[i].v0, 16));
		check(simd[i].name, !memcmp(cpu->v[1], simd_in[1], 16));
		check(simd[i].name, cpu->x[0] == simd[i].x0);
	}
}

/* CPACR_EL1.FPEN, at EL0 and EL1. */
static void traps_simd(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned i = 0; i < 8; i++) {
		unsigned fpen = i >> 1, el = i & 1;
		bool good = fpen == 3 || (fpen == 1 && el);
		static const uint32_t words[] = {0x9e660020 /* fmov x0, d1 */, 0x3dc00020 /* ldr q0, [x1] */};

		for (unsigned word = 0; word < COUNT(words); word++) {
			board_reset(board);
			cpu->sysreg[SOFT_CPACR_EL1] = fpen << 20;
			cpu->pstate = el ? EL1h : EL0t;
			cpu->x[1] = DATA;
			step(board, words[word]);
			assert_int_equal(cpu->pc, good ? CODE + 4 : VECTORS + (el ? 0x200 : 0x400));
			if (!good)
				assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x1fe00000);
		}
	}
}

static const struct {
	uint32_t word;
	const char *name;
} undefined[] = {
	{0x00000000, "UDF"},
	{0x1e622820, "fadd d0, d1, d2"},
	{0x6e22dc20, "fmul v0.4s, v1.4s, v2.4s"},
	{0x4ea28420, "add v0.4s, v1.4s, v2.4s"},
	{0x2518e3e0, "ptrue p0.b"},
	{0x9ac23020, "pacga x0, x1, x2"},
	{0xdac10020, "pacia x0, x1"},
	{0xd71f0801, "braa x0, x1"},
	{0xd69f0bff, "eretaa"},
	{0xd4400000, "hlt #0"},
	{0xd4a00001, "dcps1"},
	{0xd6bf03e0, "drps"},
	{0x0bc20020, "ADD (shifted register), ROR"},
	{0x0b028020, "ADD (shifted register), W by 32"},
	{0x8b223820, "ADD (extended register), shift 6"},
	{0x8b227420, "ADD (extended register), shift 5"},
	{0x9240fc20, "AND (immediate), all ones"},
	{0x12400020, "AND (immediate), W with N"},
	{0x52c00000, "MOVZ, W with hw 2"},
	{0x13208020, "SBFM, W with immr 32"},
	{0x53408020, "UBFM, W with N"},
	{0x13828020, "EXTR, W with imms 32"},
	{0x4e001c20, "INS of no size"},
	{0x0e083c20, "UMOV, Wd of D"},
	{0x0e080c20, "DUP, 1D"},
	{0x5e100420, "DUP of Q"},
	{0x9e620000, "scvtf d0, x0"},
	{0x9adf1020, "irg x0, x1"},
	{0x9ac20020, "subp x0, x1, x2"},
	{0xd538e000, "mrs x0, s3_0_c14_c0_0"},
	{0xd5180000, "msr midr_el1, x0"},
	{0xd53be040, "mrs x0, cntvct_el0"},
	{0xd53b9d00, "mrs x0, pmccntr_el0"},
	{0xd53c1100, "mrs x0, hcr_el2"},
	{0xd503415f, "msr dit, #1"},
	{0xd503413f, "msr ssbs, #1"},
	{0xd50c7800, "at s1e2r, x0"},
	{0xd50c871f, "tlbi alle2"},
	{0x88df7c20, "ldlar w0, [x1]"},
	{0x889f7c20, "stllr w0, [x1]"},
	{0xd9600020, "ldg x0, [x1]"},
	{0xf8200420, "ldraa x0, [x1]"},
	{0xd5287800, "sysl x0, #0, c7, c8, #0"},
};

static void is_undefined(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(undefined); i++) {
		struct soft_cpu before;

		board_reset(board);
		cpu->x[1] = DATA;
		before = *cpu;
		check(undefined[i].name, step(board, undefined[i].word) == SOFT_BUDGET);
		check(undefined[i].name, cpu->pc == VECTORS + 0x200);
		check(undefined[i].name, cpu->sysreg[SOFT_ESR_EL1] == 0x02000000);
		check(undefined[i].name, cpu->sysreg[SOFT_ELR_EL1] == CODE);
		check(undefined[i].name, cpu->sysreg[SOFT_SPSR_EL1] == EL1h);
		check(undefined[i].name, !memcmp(before.x, cpu->x, sizeof(cpu->x)));
		check(undefined[i].name, !memcmp(before.v, cpu->v, sizeof(cpu->v)));
	}
}

/* Any word: it does something, the same every time, and XZR stays zero. */
static void any_word(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	uint64_t random = 1;

	for (unsigned i = 0; i < 200000; i++) {
		uint32_t word = (uint32_t)random_next(&random);
		uint64_t pc = 0, x7 = 0, pstate = 0;

		for (unsigned again = 0; again < 2; again++) {
			enum soft_exit exit;

			board_reset(board);
			for (unsigned n = 0; n < 31; n++)
				cpu->x[n] = DATA + 0x100 + n * 8;
			cpu->sp[0] = cpu->sp[1] = DATA + 0x800;
			cpu->pstate = i & 1 ? EL1h : EL0t;
			exit = step(board, word);
			assert_true(exit == SOFT_BUDGET || exit == SOFT_ABORT || exit == SOFT_HVC ||
				    exit == SOFT_SMC || exit == SOFT_WFI || exit == SOFT_WFE);
			assert_int_equal(cpu->x[31], 0);
			assert_true(SV_PSTATE_EL(cpu->pstate) <= 1 && !(cpu->pstate & SV_PSTATE_nRW));
			if (again)
				assert_true(pc == cpu->pc && x7 == cpu->x[7] && pstate == cpu->pstate);
			pc = cpu->pc;
			x7 = cpu->x[7];
			pstate = cpu->pstate;
			memset(board->ram + (DATA - RAM), 0, PAGE);
		}
	}
}

/* Registers are found by binary search, and their features by name. */
static void tables(void **state)
{
	for (unsigned i = 1; i < SOFT_REG_COUNT; i++)
		check(soft_regs[i].name, soft_regs[i].encoding > soft_regs[i - 1].encoding);
	assert_true(soft_feature(""));
	assert_true(soft_feature("FEAT_LSE"));
	assert_false(soft_feature("FEAT_MTE"));
	assert_false(soft_feature("FEAT_LSE2"));
	for (size_t i = 0; i < soft_row_count; i++)
		check(soft_rows[i].name, soft_feature(soft_rows[i].feature));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(computes, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(register_31, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(moves_simd, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(traps_simd, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(is_undefined, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(any_word, board_setup, board_teardown),
		cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
