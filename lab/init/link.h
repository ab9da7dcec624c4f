/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link to the host: one byte stream of frames in each direction, over a virtio console port, or over
 * the serial console where the kernel has no driver for those. link.py is the other end.
 *
 * A frame is 'S', 'V', the type, zero, the length of the payload as a 32-bit little-endian number (at most
 * LINK_MAX), the payload. The host sends stdin only as far as LINK_WANT allows, so a command that does not
 * read never blocks the link.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINK_PROTOCOL = 2,
	LINK_MAX = 32768,
	LINK_HEADER = 8,
};

enum link_type {
	/* To the host. */
	LINK_HELLO = 'h',     /* lines of KEY=VALUE */
	LINK_SYMBOL = 's',    /* text: a symbol of the kernel, a space, its address in hexadecimal */
	LINK_STDOUT = 'o',    /* bytes */
	LINK_STDERR = 'e',    /* bytes */
	LINK_WANT = 'w',      /* u32: so many more bytes of stdin may be sent */
	LINK_UNREAD = 'u',    /* the command has closed its stdin */
	LINK_FILE = 'f',      /* u32: index of the output that follows */
	LINK_FILE_DATA = 'd', /* bytes of it */
	LINK_FILE_END = 'n',  /* u32: 0, or the errno that ended it */
	LINK_EXIT = 'x',      /* u32: exit status; the last frame */
	LINK_KILLED = 'k',    /* u32: signal; the last frame */
	LINK_FAILURE = '!',   /* text: the command was not run; the last frame */
	/* From the host. */
	LINK_STDIN = 'i',     /* bytes */
	LINK_STDIN_END = 'z', /* no more of them */
	LINK_CLOSED = 'c',    /* u32: 1 or 2: nobody reads this stream any more */
};

/* Finds and opens the link. False if this machine has neither a port nor a serial console. */
bool link_open(void);
int link_fd(void);

void link_send(enum link_type type, const void *payload, size_t length);
void link_send_u32(enum link_type type, uint32_t value);

/*
 * Sends a frame of what can be read from *fd without blocking, or all that is in it now; at its end closes
 * it and makes it -1.
 */
void link_output(enum link_type type, int *fd, bool all);

/* Takes one frame from the host. ends: the command's standard streams, of which it may close one. */
void link_receive(int ends[3]);

/* The command's stdin: fd is the writing end of its pipe, not blocking. */
void link_stdin_start(int fd);
/* The descriptor to poll for POLLOUT, or -1 if there is nothing to write. */
int link_stdin_wants(void);
void link_stdin_flush(void);

#endif
