/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVE loads and stores on the recorder, at several vector lengths. What a store leaves is read back with
 * plain loads; what a load finds was put there with plain stores. Both are held to the definition of each
 * form: element i of register r is number i * registers + r in memory; what is inactive is zero, or stays.
 */
#include "sve.h"

#define LARGEST 256
/* Where the tests access; before it lies room for offsets, and what nobody may touch. */
#define AREA   (RECORDER + 0x4000)
#define FROM   (AREA - 64)
#define WINDOW (4 * LARGEST + 192)

static _Alignas(16) uint8_t in[4 * LARGEST], out[4 * LARGEST], predicate[LARGEST / 8], shadow[WINDOW];
static unsigned vector, turn;

static uint8_t noise(unsigned i)
{
	return (uint8_t)(i * 37 + (i >> 3) * 11 + turn * 29 + 5);
}

enum kind { LOAD, STORE, REPLICATE, QUADWORD };

struct form {
	void (*run)(uint64_t base);
	const char *text;
	uint8_t kind, esize, width, sign, registers;
	int8_t vectors, elements; /* offset in whole footprints, or by x4 in elements */
};

/* Four registers go in, the form is run, four come out. x4 is 3 for the forms with two registers. */
#define X(name, text_, ...)                                                                          \
	static void name(uint64_t base)                                                              \
	{                                                                                            \
		register uint64_t x0 __asm__("x0") = base, x1 __asm__("x1") = (uint64_t)predicate;   \
		register uint64_t x2 __asm__("x2") = (uint64_t)in, x3 __asm__("x3") = (uint64_t)out; \
		register uint64_t x4 __asm__("x4") = 3;                                              \
		__asm__ volatile(SVE "ldr p1, [x1]\n ldr z30, [x2]\n ldr z31, [x2, #1, mul vl]\n"    \
				     "ldr z0, [x2, #2, mul vl]\n ldr z1, [x2, #3, mul vl]\n" text_   \
				     "\n str z30, [x3]\n str z31, [x3, #1, mul vl]\n"                \
				     "str z0, [x3, #2, mul vl]\n str z1, [x3, #3, mul vl]"           \
				 : "+r"(x0)                                                          \
				 : "r"(x1), "r"(x2), "r"(x3), "r"(x4)                                \
				 : "memory");                                                        \
		EQUAL(x0, base);                                                                     \
	}
#include "sve-forms.h"
#undef X

static const struct form forms[] = {
#define X(name, text, ...) {name, text, __VA_ARGS__},
#include "sve-forms.h"
#undef X
};

static bool active(unsigned lane, unsigned width)
{
	return predicate[lane * width / 8] >> lane * width % 8 & 1;
}

/* Byte of a lane of register r, as the form's definition has it. before is what the lane's register was. */
static uint8_t loaded(const struct form *form, const uint8_t *memory, unsigned r, unsigned at)
{
	unsigned lane = at / form->width, byte = at % form->width, element = lane * form->registers + r;

	if (r >= form->registers)
		return in[r * vector + at];
	if (form->kind == QUADWORD)
		lane = element = lane % (16 / form->width);
	if (!active(lane, form->width))
		return 0;
	if (form->kind == REPLICATE)
		element = 0;
	if (byte < form->esize)
		return memory[element * form->esize + byte];
	return form->sign && memory[(element + 1) * form->esize - 1] & 0x80 ? 0xff : 0;
}

static unsigned length(const struct form *form)
{
	return form->kind == QUADWORD    ? 16
	       : form->kind == REPLICATE ? form->esize
					 : vector / form->width * form->esize * form->registers;
}

static void failed(const struct form *form, uint64_t is, uint64_t wanted, unsigned where)
{
	if (is == wanted)
		return;
	guest_print(form->text);
	guest_print(" of a vector of ");
	guest_print_hex(vector);
	guest_print(" bytes, at ");
	guest_print_hex(where);
	guest_print("\n");
	EQUAL(is, wanted);
}

static void run(const struct form *form, uint64_t where)
{
	uint64_t base = where - (uint64_t)((int64_t)length(form) * form->vectors) -
			(uint64_t)((int64_t)form->esize * form->elements);

	for (unsigned i = 0; i < 4 * vector; i++)
		in[i] = noise(i);
	form->run(base);
	turn++;
}

static void load(const struct form *form, uint64_t where)
{
	run(form, where);
	for (unsigned r = 0; r < 4; r++)
		for (unsigned at = 0; at < vector; at++)
			failed(form, out[r * vector + at], loaded(form, shadow + (where - FROM), r, at),
			       r * vector + at);
}

/* What the recorder has from FROM on, by plain accesses. */
static void read_back(const struct form *form, unsigned end)
{
	for (unsigned i = 0; i < end; i += 8) {
		uint64_t value = read64(FROM + i);

		for (unsigned byte = 0; byte < 8; byte++)
			failed(form, value >> 8 * byte & 0xff, shadow[i + byte], i + byte);
	}
}

static void store(const struct form *form, uint64_t where)
{
	run(form, where);
	for (unsigned r = 0; r < form->registers; r++)
		for (unsigned lane = 0; lane < vector / form->width; lane++)
			for (unsigned byte = 0; byte < form->esize && active(lane, form->width); byte++)
				shadow[where - FROM + (lane * form->registers + r) * form->esize + byte] =
					in[r * vector + lane * form->width + byte];
	for (unsigned i = 0; i < 4 * vector; i++)
		failed(form, out[i], in[i], i);
	read_back(form, (unsigned)(where - FROM) + length(form) + 64);
}

/* Everything active; as noise has it, but the first element of all; the first elements. */
enum { ALL, MIXED, FIRST, PREDICATES };

static void choose(unsigned which)
{
	for (unsigned i = 0; i < sizeof(predicate); i++)
		predicate[i] = which == ALL ? 0xff : which == MIXED ? (uint8_t)(noise(i) | !i) : 0;
	for (unsigned i = 0; which == FIRST && i < (vector > 8 ? vector * 5 / 8 : 1); i++)
		predicate[i / 8] |= (uint8_t)(1 << i % 8);
}

static void all_forms(unsigned predicates)
{
	for (unsigned i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		for (unsigned n = 0; n < predicates; n++) {
			/* A multiple of the element away from the vector's alignment. */
			uint64_t where = AREA + forms[i].esize;

			choose((i + n) % PREDICATES);
			(forms[i].kind == STORE ? store : load)(&forms[i], where);
		}
}

static void fill(void)
{
	for (unsigned i = 0; i < WINDOW; i += 8) {
		uint64_t value = 0;

		for (unsigned byte = 0; byte < 8; byte++) {
			shadow[i + byte] = noise(i + byte);
			value |= (uint64_t)shadow[i + byte] << 8 * byte;
		}
		write64(FROM + i, value);
	}
}

/* LDR and STR know neither elements nor predicates. */
static void whole(void)
{
	uint64_t base = AREA + 5 * vector;
	const struct form form = {.text = "ldr or str"};

	for (unsigned i = 0; i < 4 * vector; i++)
		in[i] = noise(i);
	turn++;
	__asm__ volatile(SVE
			 "ldr z5, [%1]\n str z5, [%0, #-5, mul vl]\n ldr z6, [%0, #-5, mul vl]\n str z6, [%2]"
			 :
			 : "r"(base), "r"(in), "r"(out)
			 : "memory");
	for (unsigned i = 0; i < vector; i++) {
		shadow[AREA - FROM + i] = in[i];
		failed(&form, out[i], in[i], i);
	}
	read_back(&form, 64 + vector + 64);
	/* A predicate is an eighth of a vector; below a vector of 64 bytes, less than 8 bytes. */
	base = AREA + 3 * (vector / 8);
	__asm__ volatile(SVE "ldr p3, [%1]\n str p3, [%0, #-3, mul vl]\n"
			     "pfalse p4.b\n ldr p4, [%0, #-3, mul vl]\n str p4, [%2]"
			 :
			 : "r"(base), "r"(in + 16), "r"(out)
			 : "memory");
	for (unsigned i = 0; i < vector / 8; i++) {
		shadow[AREA - FROM + i] = in[16 + i];
		failed(&form, out[i], in[16 + i], i);
	}
	read_back(&form, 64 + vector);
}

/* A SIMD&FP load zeroes the vector to its end. */
static void simd(void)
{
	const struct form form = {.text = "ldr q"};

	__asm__ volatile(SVE "mov z7.b, #-1\n ldr q7, [%0]\n str z7, [%1]"
			 :
			 : "r"(AREA), "r"(out)
			 : "memory");
	for (unsigned i = 0; i < vector; i++)
		failed(&form, out[i], i < 16 ? shadow[AREA - FROM + i] : 0, i);
}

/*
 * What is inactive reaches into what is not there: below the recorder is a hole, above it the exit register,
 * and no device at all before and behind the one page that stage 1 maps.
 */
static void hanging_over(uint64_t first, uint64_t end)
{
	unsigned half = vector / 2;
	uint64_t low, high;

	for (unsigned i = 0; i < vector; i++)
		in[i] = noise(i);
	turn++;
	/* The upper half of the vector is active, and lies at the beginning. */
	__asm__ volatile(SVE "ldr z0, [%2]\n whilelo p1.b, xzr, %3\n ptrue p2.b\n not p1.b, p2/z, p1.b\n"
			     "st1b {z0.b}, p1, [%0]\n ld1b {z1.b}, p1/z, [%0]\n str z1, [%1]"
			 :
			 : "r"(first - half), "r"(out), "r"(in), "r"((uint64_t)half)
			 : "memory");
	for (unsigned i = 0; i < vector; i++)
		EQUAL(out[i], i < half ? 0 : in[i]);
	low = read64(first);
	for (unsigned i = 0; i < 8; i++)
		EQUAL(low >> 8 * i & 0xff, in[half + i]);
	/* The lower half, at the end. */
	__asm__ volatile(SVE "ldr z0, [%2]\n whilelo p1.h, xzr, %3\n"
			     "st1h {z0.h}, p1, [%0]\n ld1h {z1.h}, p1/z, [%0]\n str z1, [%1]"
			 :
			 : "r"(end - half), "r"(out), "r"(in), "r"((uint64_t)half / 2)
			 : "memory");
	for (unsigned i = 0; i < vector; i++)
		EQUAL(out[i], i < half ? in[i] : 0);
	high = read64(end - 8);
	for (unsigned i = 0; i < 8; i++)
		EQUAL(high >> 8 * i & 0xff, in[half - 8 + i]);
}

/* Nothing active is no access at all. */
static void nothing(void)
{
	__asm__ volatile(SVE "pfalse p1.b\n st1b {z0.b}, p1, [%0]\n ld1b {z0.b}, p1/z, [%0]"
			 :
			 : "r"(HOLE)
			 : "memory");
}

static void at_length(unsigned wanted, bool thorough)
{
	vector = sve_length(wanted);
	if (vector != wanted)
		return;
	guest_print("sve: vectors of ");
	guest_print_hex(vector);
	guest_print(" bytes\n");
	fill();
	all_forms(thorough ? PREDICATES : 1);
	whole();
	simd();
	hanging_over(RECORDER, RECORDER_END);
	hanging_over(STAGE1_PAGES + 0x1000, STAGE1_PAGES + 0x2000);
	nothing();
}

void guest_main(uint64_t dtb)
{
	sve_on("sve");
	stage1_on();
	stage1_page(STAGE1_PAGES + 0x1000, RECORDER + 0x8000, STAGE1_DEVICE);
	at_length(16, true);
	at_length(32, false);
	at_length(64, false);
	at_length(sve_length(LARGEST), false);
	guest_print("sve: done\n");
}
