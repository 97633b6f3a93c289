package db_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: lamp costs 30
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "db")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	defer d.Close()
	d.Queue(func(tx *db.Tx) error {
		_, err := tx.Exec(`CREATE TABLE price(item TEXT PRIMARY KEY, cents INTEGER)`)
		return err
	})
	if err := d.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO price(item, cents) VALUES (?, ?)`, "lamp", 30)
		return err
	}); err != nil {
		return err
	}
	return d.View(ctx, func(c *db.Conn) error {
		var cents int
		if _, err := c.Row(`SELECT cents FROM price WHERE item=?`, []any{"lamp"}, &cents); err != nil {
			return err
		}
		fmt.Println("lamp costs", cents)
		return nil
	})
}
