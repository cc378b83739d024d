/** JSON that comes from clients, read so that nothing in it becomes something else. */
package io.plumbline.inference.json;
