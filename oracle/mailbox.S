/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare-metal sides' end of the mailbox (exchange.h), and what both have in their vectors. x19: the
 * mailbox, x20: the batches done.
 */
#include "exchange.h"

	/* Until there is a batch; x21: it. Trashes x0 to x2. */
	.macro	await_batch
	ldr	x19, =MAIL_PA
1:	add	x1, x19, #MAIL_PRODUCED
	ldar	x0, [x1]
	cmp	x0, x20
	b.hi	2f
	yield
	b	1b

2:	mov	x1, #BATCHES
	udiv	x2, x20, x1
	msub	x2, x2, x1, x20
	mov	x1, #BATCH_BYTES
	madd	x21, x2, x1, x19
	add	x21, x21, #MAIL_BATCHES
	.endm

	.macro	batch_done
	add	x20, x20, #1
	add	x0, x19, #MAIL_DONE
	stlr	x20, [x0]
	.endm

	/* An exception that nobody asked for: the driver gives up. */
	.macro	tell_fatal
	ldr	x1, =MAIL_PA
	mrs	x0, elr_el2
	str	x0, [x1, #MAIL_FATAL + 8]
	mrs	x0, far_el2
	str	x0, [x1, #MAIL_FATAL + 16]
	mrs	x0, esr_el2
	add	x1, x1, #MAIL_FATAL
	stlr	x0, [x1]
1:	wfi
	b	1b
	.endm

	/* The vectors of EL1: whatever comes there, EL2 takes over. */
	.macro	el1_vectors
	.irp	entry, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.balign	0x80
	hvc	#1
	.endr
	.endm
