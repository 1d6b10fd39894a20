;; Continuations, dynamic-wind, exceptions, values, parameters.
(define trace '())
(define (note item) (set! trace (cons item trace)))
(define (show) (write (reverse trace)) (newline) (set! trace '()))

(define (search predicate list)
  (call-with-current-continuation
   (lambda (return)
     (for-each (lambda (item) (if (predicate item) (return item))) list)
     #f)))
(write (list (search even? '(1 3 4 5)) (search even? '(1 3 5))))
(newline)

;; Leaving by a continuation runs what dynamic-wind asks for, from the inside out.
(define result
  (call/cc
   (lambda (k)
     (dynamic-wind
      (lambda () (note 'in-1))
      (lambda ()
        (dynamic-wind
         (lambda () (note 'in-2))
         (lambda () (note 'body) (k 'left) (note 'never))
         (lambda () (note 'out-2))))
      (lambda () (note 'out-1))))))
(write result)
(show)

;; So does an error, and guard comes after it.
(write (guard (e ((string? e) (note 'handled) (string-append e "!")))
         (dynamic-wind
          (lambda () (note 'in))
          (lambda () (raise "oops"))
          (lambda () (note 'out)))))
(show)

;; What no clause takes goes on to the next guard.
(write (guard (e ((symbol? e) (list 'outer e)))
         (guard (e ((string? e) (list 'inner e)))
           (raise 'a-symbol))))
(newline)
(write (guard (e (#f 'never) ((assq 'a e) => cdr) ((assq 'b e)))
         (raise (list (cons 'a 42)))))
(write (guard (e ((assq 'a e) => cdr) ((assq 'b e)))
         (raise (list (cons 'b 23)))))
(newline)

;; A handler runs where the error is raised, with the handlers around it.
(write (with-exception-handler
        (lambda (e) (note (list 'outer e)) 1)
        (lambda ()
          (with-exception-handler
           (lambda (e) (note (list 'inner e)) (+ 10 (raise-continuable 'again)))
           (lambda () (+ 100 (raise-continuable 'first)))))))
(show)
(write (call/cc (lambda (k)
                  (with-exception-handler
                   (lambda (e) (k (list (error-object? e) (error-object-message e) (error-object-irritants e))))
                   (lambda () (error "a message" 1 'two "three"))))))
(newline)
(write (guard (e (#t (list 'returned (error-object? e))))
         (with-exception-handler (lambda (e) 'ignored) (lambda () (raise 'not-continuable)))))
(newline)
(write (guard (e (#t (error-object? e))) (car 5)))
(write (guard (e (#t (error-object? e))) (undefined-variable)))
(write (guard (e (#t (error-object? e))) ((lambda (x) x))))
(write (guard (e (#t (error-object? e))) (vector-ref (vector 1 2) 2)))
(write (guard (e ((file-error? e) 'file)) (open-input-file "/no/such/file")))
(write (guard (e ((read-error? e) 'read)) (read (open-input-string "(1 . 2 3)"))))
(newline)

(call-with-values (lambda () (values 1 2 3)) (lambda all (write all)))
(let-values (((q r) (floor/ 17 5)) (all (values 'a 'b))) (write (list q r all)))
(receive (first . rest) (values 1 2 3) (write (list first rest)))
(newline)

(define radix (make-parameter 10 (lambda (x) (if (integer? x) x (error "no radix" x)))))
(define (format-number n) (number->string n (radix)))
(write (list (format-number 12) (parameterize ((radix 2)) (format-number 12)) (format-number 12)))
(write (guard (e (#t (error-object-irritants e))) (parameterize ((radix 'x)) 1)))
(call/cc (lambda (k) (parameterize ((radix 8)) (k 1))))
(write (radix))
(newline)

;; Promises: a chain of a hundred thousand takes no stack.
(define (stream-from n) (delay (cons n (stream-from (+ n 1)))))
(define (stream-ref stream n)
  (if (= n 0) (car (force stream)) (stream-ref (cdr (force stream)) (- n 1))))
(write (stream-ref (stream-from 0) 100))
(define (loop n) (if (= n 0) (delay 'done) (delay-force (loop (- n 1)))))
(write (force (loop 3000)))
(define count 0)
(define promise (delay (begin (set! count (+ count 1)) count)))
(write (list (force promise) (force promise) (force 5)))
(newline)

;; A continuation that has been left cannot be entered again.
(define saved #f)
(call/cc (lambda (k) (set! saved k)))
(write (guard (e (#t (error-object? e))) (saved 1)))
(newline)
