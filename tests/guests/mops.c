/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory copies and sets between the recorder and RAM: unaligned, of several chunks, across pages that lie
 * apart, forward and backward, and into a hole, where registers must tell what has been done.
 *
 * Which stage does what is the CPU's choice. One that lets the prologue go to the end of a page and the
 * epilogue do what is less than one (QEMU) aborts in each of them, since some operations begin in RAM.
 */
#include "stage1.h"

#define MOPS ".arch_extension mops\n"

/*
 * Pages in a row whose frames are not: RAM, three of the recorder in no order and of different types, RAM.
 * Then a hole.
 */
#define BEGIN    STAGE1_PAGES
#define PAGES    5
#define END      (BEGIN + LENGTH)
#define LENGTH   (PAGES * 0x1000)
#define RECORDED 0x1000u /* where the recorder begins */
#define BEHIND   0x4000u /* and ends */

static _Alignas(4096) uint8_t edges[2][4096];
static const uint64_t frames[PAGES] = {(uint64_t)edges[0], RECORDER + 0x8000, RECORDER + 0x2000,
				       RECORDER + 0x5000, (uint64_t)edges[1]};
static _Alignas(16) uint8_t ram[LENGTH], shadow[LENGTH];
static unsigned turn;

static uint8_t noise(unsigned i)
{
	return (uint8_t)(i * 73 + (i >> 8) * 13 + turn * 31 + 7);
}

static uint64_t frame_of(unsigned offset)
{
	return frames[offset >> 12] + (offset & 0xfff);
}

/* Plain accesses put it there: 8 bytes of every 8, from offset on. */
static void fill(unsigned offset, unsigned length)
{
	turn++;
	for (unsigned i = offset & ~7u; i < offset + length; i += 8) {
		uint64_t value = 0;

		for (unsigned byte = 0; byte < 8; byte++) {
			shadow[i + byte] = noise(i + byte);
			value |= (uint64_t)shadow[i + byte] << 8 * byte;
		}
		write64(frame_of(i), value);
	}
}

/* All from offset on is as it should be, and 16 bytes on either side. */
static void as_shadow(unsigned offset, unsigned length)
{
	unsigned first = offset < 16 ? 0 : (offset - 16) & ~7u, end = offset + length + 16;

	for (unsigned i = first; i < end && i < LENGTH; i += 8) {
		uint64_t value = read64(frame_of(i));

		for (unsigned byte = 0; byte < 8; byte++)
			EQUAL(value >> 8 * byte & 0xff, shadow[i + byte]);
	}
}

/* The three stages of an operation, as there have to be, on x0 (to), x1 (from or value), x2 (size). */
#define STAGES(name, prologue, main, epilogue)                                    \
	static void name(uint64_t to, uint64_t from, uint64_t size)               \
	{                                                                         \
		register uint64_t x0 __asm__("x0") = to, x1 __asm__("x1") = from; \
		register uint64_t x2 __asm__("x2") = size;                        \
		__asm__ volatile(MOPS prologue "\n" main "\n" epilogue            \
				 : "+r"(x0), "+r"(x1), "+r"(x2)                   \
				 :                                                \
				 : "cc", "memory");                               \
		EQUAL(x2, 0);                                                     \
		end_to = x0;                                                      \
		end_from = x1;                                                    \
	}

static uint64_t end_to, end_from;

STAGES(set, "setp [x0]!, x2!, x1", "setm [x0]!, x2!, x1", "sete [x0]!, x2!, x1")
STAGES(setn, "setpn [x0]!, x2!, x1", "setmn [x0]!, x2!, x1", "seten [x0]!, x2!, x1")
STAGES(copy, "cpyp [x0]!, [x1]!, x2!", "cpym [x0]!, [x1]!, x2!", "cpye [x0]!, [x1]!, x2!")
STAGES(forward, "cpyfp [x0]!, [x1]!, x2!", "cpyfm [x0]!, [x1]!, x2!", "cpyfe [x0]!, [x1]!, x2!")
STAGES(forward_nontemporal, "cpyfpn [x0]!, [x1]!, x2!", "cpyfmn [x0]!, [x1]!, x2!",
       "cpyfen [x0]!, [x1]!, x2!")

typedef void operation(uint64_t to, uint64_t from, uint64_t size);

static void sets(operation *run, unsigned offset, unsigned length)
{
	/* Only the lowest byte of the value counts. */
	uint64_t value = 0xab00 | (turn * 17 & 0xff);

	fill(offset < 16 ? 0 : offset - 16, length + 48);
	run(BEGIN + offset, value, length);
	EQUAL(end_to, BEGIN + offset + length);
	EQUAL(end_from, value);
	for (unsigned i = 0; i < length; i++)
		shadow[offset + i] = (uint8_t)value;
	as_shadow(offset, length);
}

static void from_ram(operation *run, unsigned offset, unsigned from, unsigned length)
{
	fill(offset < 16 ? 0 : offset - 16, length + 48);
	for (unsigned i = 0; i < length; i++) {
		ram[from + i] = (uint8_t)~noise(i);
		shadow[offset + i] = ram[from + i];
	}
	run(BEGIN + offset, (uint64_t)ram + from, length);
	as_shadow(offset, length);
}

static void to_ram(operation *run, unsigned to, unsigned offset, unsigned length)
{
	fill(offset, length);
	for (unsigned i = 0; i < length + 32; i++)
		ram[to - 16 + i] = 0x5a;
	run((uint64_t)ram + to, BEGIN + offset, length);
	for (unsigned i = 0; i < length; i++)
		EQUAL(ram[to + i], shadow[offset + i]);
	for (unsigned i = 0; i < 16; i++) {
		EQUAL(ram[to - 16 + i], 0x5a);
		EQUAL(ram[to + length + i], 0x5a);
	}
	as_shadow(offset, length);
}

/* Within the recorder; where both overlap, as if all were read before anything is written. */
static void within(operation *run, unsigned to, unsigned from, unsigned length)
{
	unsigned low = to < from ? to : from, high = to < from ? from : to;

	fill(low < 16 ? 0 : low - 16, high - low + length + 48);
	for (unsigned i = 0; i < length; i++)
		ram[i] = shadow[from + i];
	for (unsigned i = 0; i < length; i++)
		shadow[to + i] = ram[i];
	run(BEGIN + to, BEGIN + from, length);
	as_shadow(low, high - low + length);
}

static struct frame aborted;
static uint64_t resume_at;

bool guest_handle(struct frame *frame)
{
	if (!resume_at)
		return false;
	aborted = *frame;
	frame->elr = resume_at;
	resume_at = 0;
	return true;
}

#define PSTATE_C (1ul << 29)

/* All three stages, of which the first that aborts is the last that is run. */
#define ABORTED(prologue, main, epilogue, to, from, size)                                                  \
	do {                                                                                               \
		register uint64_t x0 __asm__("x0") = (to), x1 __asm__("x1") = (from);                      \
		register uint64_t x2 __asm__("x2") = (size);                                               \
		this_cpu()->exceptions = 0;                                                                \
		__asm__ volatile("adr x9, 1f\n str x9, [%3]\n adr x10, 2f\n" MOPS "2: " prologue "\n" main \
				 "\n" epilogue "\n 1: mov x11, x10"                                        \
				 : "+r"(x0), "+r"(x1), "+r"(x2)                                            \
				 : "r"(&resume_at)                                                         \
				 : "x9", "x10", "x11", "cc", "memory");                                    \
		EQUAL(this_cpu()->exceptions, 1);                                                          \
		EQUAL(EC(aborted.esr), EC_ABORT);                                                          \
		EQUAL(FSC(aborted.esr), FSC_EXTERNAL);                                                     \
	} while (0)

/*
 * What registers say of a forward operation at its end: so much is left, and it would go on there. The
 * prologue leaves them as a program would give them, the others by option A (PSTATE.C clear) or B.
 */
static void left(uint64_t to, uint64_t from, uint64_t size)
{
	bool prologue = aborted.elr == aborted.x[10], option_a = !(aborted.spsr & PSTATE_C);
	uint64_t Xn = aborted.x[2];

	if (!prologue && option_a) {
		EQUAL(-Xn, size);
		EQUAL(aborted.x[0] + Xn, to);
		if (from)
			EQUAL(aborted.x[1] + Xn, from);
		return;
	}
	EQUAL(Xn, size);
	EQUAL(aborted.x[0], to);
	if (from)
		EQUAL(aborted.x[1], from);
}

/* Behind the recorder there is a hole now. An operation goes on for more than a chunk, and stops there. */
static void into_a_hole(unsigned offset, unsigned size)
{
	unsigned there = BEHIND - offset, beyond = size - there;

	fill(offset - 16, there + 16);
	ABORTED("setp [x0]!, x2!, x1", "setm [x0]!, x2!, x1", "sete [x0]!, x2!, x1", BEGIN + offset, 0x77,
		size);
	EQUAL(aborted.far, BEGIN + BEHIND);
	left(BEGIN + BEHIND, 0, beyond);
	for (unsigned i = offset; i < BEHIND; i++)
		shadow[i] = 0x77;
	as_shadow(offset, there);

	fill(offset - 16, there + 16);
	for (unsigned i = 0; i < size; i++)
		ram[i] = noise(i);
	ABORTED("cpyfp [x0]!, [x1]!, x2!", "cpyfm [x0]!, [x1]!, x2!", "cpyfe [x0]!, [x1]!, x2!",
		BEGIN + offset, (uint64_t)ram, size);
	EQUAL(aborted.far, BEGIN + BEHIND);
	left(BEGIN + BEHIND, (uint64_t)ram + there, beyond);
	for (unsigned i = offset; i < BEHIND; i++)
		shadow[i] = ram[i - offset];
	as_shadow(offset, there);
}

static void out_of_a_hole(unsigned offset, unsigned size)
{
	unsigned there = BEHIND - offset;

	fill(offset - 16, there + 16);
	ABORTED("cpyp [x0]!, [x1]!, x2!", "cpym [x0]!, [x1]!, x2!", "cpye [x0]!, [x1]!, x2!", (uint64_t)ram,
		BEGIN + offset, size);
	EQUAL(aborted.far, BEGIN + BEHIND);
	left((uint64_t)ram + there, BEGIN + BEHIND, size - there);
	for (unsigned i = 0; i < there; i++)
		EQUAL(ram[i], shadow[offset + i]);
}

/* Before the recorder there is a hole, too; a backward copy comes to its last byte, reading. */
static void backward_into_a_hole(void)
{
	unsigned to = RECORDED - 0x100 + 0x21;

	fill(RECORDED, 0x500);
	for (unsigned i = 0; i < 0x345; i++)
		ram[i] = shadow[RECORDED + i];
	ABORTED("cpyp [x0]!, [x1]!, x2!", "cpym [x0]!, [x1]!, x2!", "cpye [x0]!, [x1]!, x2!", BEGIN + to,
		BEGIN + RECORDED - 0x100, 0x445);
	EQUAL(aborted.far, BEGIN + RECORDED - 1);
	EQUAL(aborted.x[0], BEGIN + to);
	EQUAL(aborted.x[1], BEGIN + RECORDED - 0x100);
	EQUAL(aborted.x[2], 0x100);
	for (unsigned i = 0; i < 0x345; i++)
		shadow[RECORDED + 0x21 + i] = ram[i];
	for (unsigned i = RECORDED; i < RECORDED + 0x500; i += 8) {
		uint64_t value = read64(frame_of(i));

		for (unsigned byte = 0; byte < 8; byte++)
			EQUAL(value >> 8 * byte & 0xff, shadow[i + byte]);
	}
}

static void no_bytes(void)
{
	set(HOLE, 1, 0);
	copy(HOLE, HOLE + 64, 0);
	forward(HOLE, HOLE + 64, 0);
}

void guest_main(uint64_t dtb)
{
	uint64_t features;

	__asm__("mrs %0, id_aa64isar2_el1" : "=r"(features));
	if (!(features >> 16 & 0xf)) {
		guest_print("mops: this CPU has no FEAT_MOPS\n");
		guest_exit(77);
	}
	stage1_on();
	for (unsigned i = 0; i < PAGES; i++)
		stage1_page(BEGIN + i * 0x1000, frames[i], i == 1 ? STAGE1_DEVICE : STAGE1_NORMAL);

	sets(set, RECORDED + 0x100, 8);
	sets(set, RECORDED + 0x103, 1);
	sets(set, RECORDED + 0x205, 0x251);
	sets(setn, RECORDED + 0xf83, 0x321);
	sets(set, RECORDED + 0xff0, 0x1055);
	sets(set, RECORDED - 0x11, 0x1123);
	from_ram(copy, RECORDED + 0x41, 3, 0x1a5);
	from_ram(forward, RECORDED + 0xe01, 8, 0x4ff);
	from_ram(forward_nontemporal, RECORDED + 0x1000, 0, 256);
	from_ram(forward, RECORDED - 0x9, 0xff7, 0x1212);
	to_ram(copy, 0x23, RECORDED + 0x45, 0x2bd);
	to_ram(forward, 0x18, RECORDED + 0xfe8, 0x131);
	to_ram(forward, 0xffd, RECORDED - 3, 0x1101);
	within(forward, RECORDED + 0x1204, RECORDED + 0x81, 0x333);
	within(copy, RECORDED + 0x300, RECORDED + 0x800, 0x123);
	/* Overlapping downward is done forward, upward backward. */
	within(copy, RECORDED + 0xe80, RECORDED + 0xea1, 0x331);
	within(copy, RECORDED + 0xea1, RECORDED + 0xe80, 0x331);
	within(forward, RECORDED + 0xf08, RECORDED + 0xf10, 0x200);
	/* Backward from RAM into the recorder. */
	within(copy, BEHIND - 0x1100, BEHIND - 0x1210, 0x1345);
	no_bytes();
	stage1_page(BEGIN + BEHIND, HOLE, STAGE1_NORMAL);
	into_a_hole(BEHIND - 0x2d3, 0x400);
	into_a_hole(RECORDED - 0xfb, 0x3400);
	out_of_a_hole(BEHIND - 0x2d3, 0x400);
	stage1_page(BEGIN, HOLE, STAGE1_NORMAL);
	backward_into_a_hole();
	guest_print("mops: done\n");
}
