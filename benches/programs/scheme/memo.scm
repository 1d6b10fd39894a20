; Memo tables in vectors of association lists, and strings as keys.
(define size 8192)
(define (make-table) (make-vector size '()))
(define (hash s) (let loop ((i 0) (h 7)) (if (= i (string-length s)) h (loop (+ i 1) (modulo (+ (* 31 h) (char->integer (string-ref s i))) size)))))
(define (look t k) (let loop ((l (vector-ref t (hash k)))) (cond ((null? l) #f) ((string=? (caar l) k) (cdar l)) (else (loop (cdr l))))))
(define (put! t k v) (let ((h (hash k))) (vector-set! t h (cons (cons k v) (vector-ref t h)))))
(define (calc t i) (let* ((k (string-append "key-" (number->string i))) (v (look t k))) (or v (let ((v (list i (* i i)))) (put! t k v) v))))
(define (run r t sum)
  (if (= r 0) sum
    (run (- r 1) (if (= 0 (modulo r 60000)) (make-table) t) (+ sum (car (calc t (modulo (* r 7919) 65536)))))))
(display (run 400000 (make-table) 0)) (newline)
