/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest of the conformance suite and its host program say to each other: naturally aligned 8-byte
 * loads and stores (ISV=1) in one page of device memory, whose address the host picks and the guest finds in
 * TPIDR_EL0. Addresses that a guest writes are its own physical ones, in RAM. Included by both, and by
 * assembly.
 */
#ifndef CONFORM_CHANNEL_H
#define CONFORM_CHANNEL_H

#define CHANNEL_SIZE 0x1000

/* Written: the values that the next PRINT or ASSERT takes. */
#define CHANNEL_ARGUMENT  0x00
#define CHANNEL_ARGUMENTS 8

/*
 * Written: the address of a format: a line of the transcript. %x hexadecimal, %d decimal, %s the address of
 * a string, %p an address, which is written by what it lies in.
 */
#define CHANNEL_PRINT 0x40
/*
 * Written: the address of a text; arguments: what is, what ought to be, a line number. The case has failed if
 * they differ.
 */
#define CHANNEL_ASSERT 0x48
/* Written: a number. The host program goes on. */
#define CHANNEL_SYNC 0x50
/* Written: the end of the guest's part. */
#define CHANNEL_DONE 0x58
/* Written: the address of a text: why this machine cannot show what the case is about. */
#define CHANNEL_SKIP 0x60
/* Written: the address of the instruction that the case is about; %p writes "insn" of it. */
#define CHANNEL_MARK 0x68
/* Read: what the host gives, by enum conform_parameter. */
#define CHANNEL_PARAMETER  0x80
#define CHANNEL_PARAMETERS 8

/* Where guests are linked, and how much RAM is there. */
#define CONFORM_RAM      0x40000000
#define CONFORM_RAM_SIZE 0x200000

/*
 * With stage 1 on: where all of the low 4 GiB is once more, as Normal memory; and a 1 GiB piece of tables of
 * the case's own.
 */
#define CONFORM_ALIAS  0x200000000
#define CONFORM_WALKED 0x400000000
#define CONFORM_GIB    0x40000000

/* In the read-only slot: a page of bytes, and two level 2 tables, the second without the access flag. */
#define ROM_TABLE       0x1000
#define ROM_TABLE_NO_AF 0x2000

#ifndef __ASSEMBLER__
enum conform_parameter {
	PARAMETER_HOLE,   /* 256 KiB with nothing in them */
	PARAMETER_ROM,    /* 64 KiB read-only slot */
	PARAMETER_EXTRA,  /* 256 KiB more RAM */
	PARAMETER_BEYOND, /* 256 KiB hole right behind it */
	PARAMETER_PAGE,   /* the host's page size in bytes */
	PARAMETER_VALUE,  /* the case's own */
};
#endif

#endif
